"""Why a run on Kubeflow Pipelines failed. Its REST API does not tell: the pods, their logs and the Workflow do."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from millwright.adapters.kubeflow_runs import MAIN
from millwright.adapters.kubeflow_snapshots import RUN_LABEL, Space
from millwright.core import pod_state
from millwright.core.execution import Cause
from millwright.core.placement import TASK_LABEL
from millwright.ports import PODS, WORKFLOWS, Cluster, Manifest

TAIL_LINES = 60
KEPT_LINES = 20
# What KFP's launcher and Argo's executor write around the user's own lines.
NOT_THE_USERS = re.compile(r'^([IWEF]\d{4} \d\d:\d\d:\d\d|time="|\[KFP Executor )')


async def cause(cluster: Cluster, space: Space, run: Mapping[str, Any]) -> Cause:
    """Reads what is left of a failed run: the first step that failed, else a driver that did, else the Workflow."""
    if run.get("state") == "CANCELED":
        return Cause("Terminated", "the run was terminated on the Kubeflow server")
    selector = f"{RUN_LABEL}={run['run_id']}"
    workflows = await cluster.list(WORKFLOWS, space.pod_namespace, selector)
    if not workflows:
        return Cause("WorkflowLost", "the run's Workflow was deleted")
    failed = _first_failed(await cluster.list(PODS, space.pod_namespace, selector))
    return await _of_pod(cluster, space, failed) if failed is not None else _of_workflow(workflows[0])


def _first_failed(pods: Iterable[Manifest]) -> Manifest | None:
    """Steps before drivers: a driver fails when what it waits for does."""
    failed = [pod for pod in pods if pod.get("status", {}).get("phase") == "Failed"]
    ours = [pod for pod in failed if TASK_LABEL in pod["metadata"]["labels"]]
    return min(ours or failed, key=_ended, default=None)


def _ended(pod: Manifest) -> str:
    return str(pod_state.terminated(pod, MAIN).get("finishedAt") or pod["metadata"]["creationTimestamp"])


async def _of_pod(cluster: Cluster, space: Space, pod: Manifest) -> Cause:
    name = pod["metadata"]["name"]
    task = pod["metadata"]["labels"].get(TASK_LABEL)
    reason = pod_state.failure_reason(pod, MAIN)
    lines = last_lines(await cluster.tail(space.pod_namespace, name, TAIL_LINES, MAIN))
    message = lines or pod["status"].get("message") or ""
    if task is None and reason == "Error":
        reason = "DriverFailed"
    return Cause(reason, message, task, name, pod_state.terminated(pod, MAIN).get("exitCode"))


def _of_workflow(workflow: Manifest) -> Cause:
    """The pods are gone: Argo's own words, for the node that failed first."""
    status = workflow.get("status", {})
    if workflow["spec"].get("shutdown"):
        return Cause("Terminated", status.get("message") or "the Workflow was told to stop")
    pods = (node for node in (status.get("nodes") or {}).values() if node["type"] == "Pod")
    failed = (node for node in pods if node["phase"] in ("Failed", "Error"))
    node = min(failed, key=lambda n: str(n.get("finishedAt")), default=None)
    if node is None:
        return Cause("Error", status.get("message") or "the Workflow failed and left no reason")
    code = node.get("outputs", {}).get("exitCode")
    return Cause("Error", node.get("message", ""), node.get("displayName"), None, int(code) if code else None)


def last_lines(log: str) -> str:
    """The last lines that the user's own code wrote."""
    lines = [line for line in log.splitlines() if not NOT_THE_USERS.match(line)]
    return "\n".join(lines[-KEPT_LINES:])
