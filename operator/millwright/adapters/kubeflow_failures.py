"""Why a run on Kubeflow Pipelines failed. Its REST API does not tell: the pods, their logs and the Workflow do."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from millwright.adapters import kubeflow_runs
from millwright.adapters.kubeflow_snapshots import RUN_LABEL, Space
from millwright.core import pod_state
from millwright.core.caching import LAUNCHER_FAILED
from millwright.core.execution import Cause, Phase
from millwright.core.placement import TASK_LABEL
from millwright.ports import PODS, WORKFLOWS, Cluster, Manifest

MAIN = "main"
TAIL_LINES = 100
KEPT_LINES = 20
WORKFLOW_LOST = Cause("WorkflowLost", "the run's Workflow was deleted in the cluster")
WORKFLOW_DROPPED = Cause(
    "WorkflowDropped",
    "the Kubeflow server deleted the run's Workflow as it began: it does so when it hears of one before it has stored "
    "the run (https://github.com/kubeflow/pipelines/issues/6189)",
)
# Argo's executor and KFP's launcher write around the user's own lines; the launcher says the user's exit code.
NOT_THE_USERS = re.compile(r'([IWEF]\d{4} \d\d:\d\d:\d\d|time="|\[KFP Executor |Error: exit status \d+$)')
EXIT_CODE = re.compile(r"^F\d{4} .*failed to execute component: exit status (\d+)", re.MULTILINE)
FATAL = re.compile(r"^F\d{4} \S+\s+\d+ \S+\] (.+)$", re.MULTILINE)
TERMINATED_CODE = "143"  # SIGTERM: the pod was deleted


def lost(run: Mapping[str, Any]) -> Cause:
    """Of a run under way that has no Workflow. One that the server has never heard of again is the server's doing."""
    return WORKFLOW_DROPPED if kubeflow_runs.phase(run) is Phase.PENDING else WORKFLOW_LOST


async def cause(cluster: Cluster, space: Space, run: Mapping[str, Any]) -> Cause:
    """Reads what is left of a failed run: the first step that failed, else a driver that did, else the Workflow."""
    selector = f"{RUN_LABEL}={run['run_id']}"
    workflows = await cluster.list(WORKFLOWS, space.pod_namespace, selector)
    if not workflows:
        return WORKFLOW_LOST
    if workflows[0]["spec"].get("activeDeadlineSeconds") == 0:  # that is how the server terminates
        return Cause("Terminated", "the run was terminated on the Kubeflow server")
    failed = _first_failed(await cluster.list(PODS, space.pod_namespace, selector))
    return await _of_pod(cluster, space, failed) if failed is not None else _of_workflow(workflows[0])


def _first_failed(pods: Iterable[Manifest]) -> Manifest | None:
    """Steps before drivers: a driver fails when what it waits for does. Of a step that was retried, the last pod."""
    failed = sorted((pod for pod in pods if pod.get("status", {}).get("phase") == "Failed"), key=_ended)
    last = {pod["metadata"]["labels"][TASK_LABEL]: pod for pod in failed if TASK_LABEL in pod["metadata"]["labels"]}
    return min(last.values() or failed, key=_ended, default=None)


def _ended(pod: Manifest) -> str:
    return str(pod_state.terminated(pod, MAIN).get("finishedAt") or pod["metadata"]["creationTimestamp"])


async def _of_pod(cluster: Cluster, space: Space, pod: Manifest) -> Cause:
    name = pod["metadata"]["name"]
    task = pod["metadata"]["labels"].get(TASK_LABEL)
    reason = pod_state.failure_reason(pod, MAIN)
    log = await cluster.tail(space.pod_namespace, name, TAIL_LINES, MAIN)
    message = last_lines(log) or pod["status"].get("message") or ""
    said, fatal = EXIT_CODE.search(log), FATAL.search(log)
    if task is None and reason == "Error":
        reason, message = "DriverFailed", fatal[1] if fatal else message
    if task is not None and fatal and not said:  # the user's code is not at fault: what is around it is
        return Cause(LAUNCHER_FAILED, fatal[1], task, name, pod_state.terminated(pod, MAIN).get("exitCode"))
    code = int(said[1]) if said else pod_state.terminated(pod, MAIN).get("exitCode")
    return Cause(reason, message, task, name, code)


def _of_workflow(workflow: Manifest) -> Cause:
    """The pods are gone: Argo's own words, for the node that failed first."""
    status = workflow.get("status", {})
    pods = (node for node in (status.get("nodes") or {}).values() if node["type"] == "Pod")
    failed = (node for node in pods if node["phase"] in ("Failed", "Error"))
    node = min(failed, key=lambda n: str(n.get("finishedAt")), default=None)
    if node is None:
        return Cause("Error", status.get("message") or "the Workflow failed and left no reason")
    code = node.get("outputs", {}).get("exitCode")
    if code == TERMINATED_CODE or "pod deleted" in node.get("message", ""):
        return Cause(
            "PodLost", f"the pod was deleted: {node.get('message', '')}", _task_of(node, status), exit_code=143
        )
    return Cause("Error", node.get("message", ""), _task_of(node, status), None, int(code) if code else None)


def _task_of(node: Manifest, status: Manifest) -> str:
    """Every step's own node is called executor; the task is the node around it."""
    around = (status.get("nodes") or {}).get(node.get("boundaryID"), {})
    return str(around.get("displayName") if node.get("displayName") == "executor" else node.get("displayName"))


def last_lines(log: str) -> str:
    """The last lines that the user's own code wrote: what the executor shows of its input is not theirs either."""
    lines = log.splitlines()
    shown = max((i for i, line in enumerate(lines) if line.startswith('        "outputFile": ')), default=None)
    ours = lines[shown:] if shown is not None else lines
    end = ours.index("}") + 1 if shown is not None and "}" in ours else 0
    return "\n".join([line for line in ours[end:] if not NOT_THE_USERS.match(line)][-KEPT_LINES:])
