"""Jobs that run users' code on behalf of an execution or an import: how they are made, and how they are read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from millwright.api.common import API_VERSION, GROUP
from millwright.api.model_import import ModelImport
from millwright.api.training_run import TrainingRunSpec
from millwright.core import pod_state, pods
from millwright.core.execution import Blocked, Cause, Execution, Phase, PodUse, Task
from millwright.core.imports import Import
from millwright.core.strongest import PodPlacement
from millwright.ports import JOBS, PODS, Cluster, Manifest

EXECUTION_LABEL = f"{GROUP}/execution"
TRAINING_RUN_LABEL = f"{GROUP}/training-run"
UID_LABEL = f"{GROUP}/training-run-uid"
MODEL_LABEL = f"{GROUP}/model"
STEP_LABEL = f"{GROUP}/step"
IMPORT = "import"
TAIL_LINES = 20
# Of a Job that may be done again: what was disrupted does not count, and what the runner rejected (its exit code 2) is
# not tried again.
RESTART_POLICY = {
    "rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2]}},
    ]
}


@dataclass(frozen=True)
class JobSettings:
    """What the platform team decided for the pods of Jobs."""

    image: str
    tracking_uri: str
    storage_secret: str
    resources: dict[str, dict[str, str]]
    mlflow_secret: str | None = None


@dataclass(frozen=True)
class ConfigMapVolume:
    """A ConfigMap as files in a folder. `optional`: where there is none, the folder is empty."""

    name: str
    folder: str
    optional: bool = False


def labels(execution: Execution, spec: TrainingRunSpec, step: str) -> dict[str, str]:
    """Labels that join a child to its execution, TrainingRun and Model."""
    return pods.labels(step, execution.run.name) | {
        EXECUTION_LABEL: execution.key,
        TRAINING_RUN_LABEL: execution.run.name,
        UID_LABEL: execution.uid,
        MODEL_LABEL: spec.output.model,
        STEP_LABEL: step,
    }


def import_labels(wanted: Import) -> dict[str, str]:
    """Labels that join a child to its import and Model."""
    return pods.labels(IMPORT, wanted.model.name) | {
        EXECUTION_LABEL: wanted.key,
        MODEL_LABEL: wanted.model.name,
        STEP_LABEL: IMPORT,
    }


def metadata(execution: Execution | Import, name: str, child_labels: dict[str, str]) -> Manifest:
    """Metadata of a child of the execution's TrainingRun, or the import's Model."""
    owner = execution.owner
    reference = {
        "apiVersion": API_VERSION,
        "kind": owner.kind,
        "name": owner.key.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {"name": name, "namespace": owner.key.namespace, "labels": child_labels, "ownerReferences": [reference]}


def job(
    execution: Execution | Import,
    spec: TrainingRunSpec | ModelImport,
    settings: JobSettings,
    child_labels: dict[str, str],
    name: str,
    args: list[str],
    mlflow_run_id: str,
    image: str | None = None,
    config_map: ConfigMapVolume | None = None,
    placement: PodPlacement | None = None,
    restarts: int | None = None,
) -> Manifest:
    """A Job with one restricted pod that is never restarted: attempts are the operator's to count.

    `restarts`: but one that failed has another in its place so often, and one that was evicted always.
    """
    child_labels = child_labels | _pool_label(placement)
    storage = spec.storage.secret_ref if spec.storage else settings.storage_secret
    secrets = (storage, settings.mlflow_secret) if settings.mlflow_secret else (storage,)
    container: Manifest = {
        "name": child_labels[STEP_LABEL],
        "image": image or settings.image,
        "command": ["python", "-m", "millwright_runner"],
        "args": args,
        "env": _variables(environment(execution, settings, mlflow_run_id) | {"HOME": "/workspace"}),
        "envFrom": [{"secretRef": {"name": name}} for name in secrets],
        "resources": _resources(placement) if placement else settings.resources,
        "securityContext": pods.CONTAINER_SECURITY,
        "workingDir": "/workspace",
        "volumeMounts": [{"name": "workspace", "mountPath": "/workspace"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    pod = pods.restricted(container, spec.service_account_name, volumes=("workspace", "tmp"))
    pod["restartPolicy"] = "Never"
    if placement and placement.pool:
        pod["nodeSelector"] = dict(placement.pool.node_selector)
        pod["tolerations"] = [toleration.manifest() for toleration in placement.pool.tolerations]
    if config_map:
        source = {"name": config_map.name, "optional": config_map.optional}
        pod["volumes"].append({"name": "pipeline", "configMap": source})
        container["volumeMounts"].append({"name": "pipeline", "mountPath": config_map.folder, "readOnly": True})
    body: Manifest = {
        "backoffLimit": restarts or 0,
        **({} if restarts is None else {"podFailurePolicy": RESTART_POLICY}),
        "template": {"metadata": {"labels": child_labels}, "spec": pod},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata(execution, name, child_labels), "spec": body}


def _pool_label(placement: PodPlacement | None) -> dict[str, str]:
    return {pods.NODE_POOL_LABEL: placement.pool.name} if placement and placement.pool else {}


def _resources(placement: PodPlacement) -> Manifest:
    return {"requests": dict(placement.requests), "limits": dict(placement.limits)}


def _variables(values: Mapping[str, str]) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in values.items()]


def environment(execution: Execution | Import, settings: JobSettings, mlflow_run_id: str) -> dict[str, str]:
    """What training code finds in its environment, as docs/contracts.md says."""
    return {
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
        "MLFLOW_RUN_ID": mlflow_run_id,
        "MLFLOW_EXPERIMENT_NAME": execution.experiment,
        "MILLWRIGHT_EXECUTION": execution.key,
    }


@dataclass(frozen=True)
class JobState:
    """A Job as far as decisions need it. `execution`: its key. `report`: the runner's own last words."""

    phase: Phase
    execution: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    ending: bool = False
    waiting_for: str = ""
    blocked: Blocked | None = None
    cause: Cause | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    tasks: tuple[Task, ...] = ()
    uses: tuple[PodUse, ...] = ()


async def read(cluster: Cluster, namespace: str, name: str) -> JobState | None:
    """The Job's state with what its pod says of itself, or None."""
    found = await cluster.get(JOBS, namespace, name)
    if found is None:
        return None
    job_pods = await cluster.list(PODS, namespace, f"batch.kubernetes.io/job-name={name}")
    pod = max(job_pods, key=lambda p: p["metadata"]["creationTimestamp"], default=None)
    phase = _phase(found, pod)
    report = _report(found, pod)
    return JobState(
        phase=phase,
        execution=found["metadata"]["labels"][EXECUTION_LABEL],
        started=pod_state.time(found.get("status", {}).get("startTime")),
        ended=pod_state.time(_end(found).get("lastTransitionTime")),
        ending="deletionTimestamp" in found["metadata"],
        waiting_for=_waiting_for(found, pod) if phase is Phase.PENDING else "",
        blocked=pod_state.blocked(job_pods),
        cause=await _cause(cluster, found, pod, report) if phase is Phase.FAILED else None,
        report=report,
        tasks=tuple(Task(t["name"], t["state"]) for t in report.get("tasks", [])),
        uses=pod_state.uses(job_pods),
    )


async def strays(cluster: Cluster, execution: Execution, step: str) -> Sequence[str]:
    """Keys of this TrainingRun's other executions with a Job for that step that has not ended."""
    selector = f"{UID_LABEL}={execution.uid},{STEP_LABEL}={step}"
    found = await cluster.list(JOBS, execution.run.namespace, selector)
    return sorted({j["metadata"]["labels"][EXECUTION_LABEL] for j in found if not _end(j)} - {execution.key})


def _end(found: Manifest) -> Manifest:
    """The condition Complete or Failed; empty before. A Job on its way out counts as running until it is gone."""
    conditions = found.get("status", {}).get("conditions", [])
    ends = (c for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True")
    return dict(next(ends, {}))


def _phase(found: Manifest, pod: Manifest | None) -> Phase:
    """The container's own success counts: the Job follows two seconds later, when the pod has been taken down."""
    end = _end(found)
    if end:
        return Phase.SUCCEEDED if end["type"] == "Complete" else Phase.FAILED
    if pod is not None and pod_state.terminated(pod, _container(found)).get("exitCode") == 0:
        return Phase.SUCCEEDED
    return Phase.RUNNING if pod is not None and pod_state.has_started(pod) else Phase.PENDING


def _report(found: Manifest, pod: Manifest | None) -> dict[str, Any]:
    """What the runner wrote as its last words; empty where it could not."""
    text = pod_state.terminated(pod, _container(found)).get("message", "") if pod else ""
    try:
        parsed = json.loads(text) if text else {}
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _waiting_for(found: Manifest, pod: Manifest | None) -> str:
    if pod is not None:
        return pod_state.waiting_for(pod)
    return "the Job is suspended" if found["spec"].get("suspend") else "waiting for the Job controller to make the pod"


async def _cause(cluster: Cluster, found: Manifest, pod: Manifest | None, report: dict[str, Any]) -> Cause:
    words = _end(found).get("message", "")
    if pod is None:
        return Cause("PodLost", f"the pod is gone: {words}")
    name, container = pod["metadata"]["name"], _container(found)
    exit_code = report.get("exitCode", pod_state.terminated(pod, container).get("exitCode"))
    disrupted = pod_state.disruption(pod)  # it may have had time for last words of its own
    reason = str(disrupted or report.get("reason") or pod_state.failure_reason(pod, container))
    lines = report.get("message") or await cluster.tail(pod["metadata"]["namespace"], name, TAIL_LINES)
    message = lines or pod["status"].get("message") or words
    return Cause(reason, message, report.get("task"), name, exit_code, final=report.get("outcome") == "Rejected")


def _container(found: Manifest) -> str:
    return str(found["spec"]["template"]["spec"]["containers"][0]["name"])
