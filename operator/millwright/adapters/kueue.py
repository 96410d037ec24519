"""Kueue: a run's request for quota is a Workload of its own, so that it is the same for every pipelines backend.

https://kueue.sigs.k8s.io/docs/concepts/workload/
"""

from collections.abc import Callable, Sequence
from typing import Any

from millwright.adapters import jobs
from millwright.adapters.jobs import EXECUTION_LABEL, UID_LABEL, JobSettings
from millwright.adapters.recent import Recent
from millwright.core.actions import Enqueue
from millwright.core.execution import Execution
from millwright.core.node_pools import NodePools
from millwright.core.queueing import Admission, PoolDemand, QueuePlace, demands
from millwright.ports import WORKLOADS, Cluster, Manifest, RejectedError

STEP = "queue"
INTERVAL_SECONDS = 5.0


class KueueQueues:
    """Implements ports.Queues."""

    def __init__(self, cluster: Cluster, settings: JobSettings, pools: Callable[[], NodePools]) -> None:
        """`pools`: the platform's node pools as they are now."""
        self._cluster = cluster
        self._settings = settings
        self._pools = pools
        self._recent = Recent(INTERVAL_SECONDS, self._all)  # thousands may wait, and each has a position

    async def find(self, execution: Execution) -> QueuePlace | None:
        workload = await self._cluster.get(WORKLOADS, execution.run.namespace, execution.key)
        if workload is None:
            return None
        queue = workload["spec"]["queueName"]
        if _holds(workload, "Evicted"):
            return QueuePlace(queue, Admission.EVICTED, _message(workload, "Evicted"))
        if _holds(workload, "Admitted"):
            return QueuePlace(queue, Admission.ADMITTED)
        message = _message(workload, "QuotaReserved") or "Kueue has not looked at it yet"
        return QueuePlace(queue, Admission.WAITING, message, await self._position(workload))

    async def _position(self, workload: Manifest) -> int:
        """By priority, then by age, as Kueue orders a queue."""
        queue = workload["spec"]["queueName"]
        waiting = (
            w for w in await self._recent.of(workload["metadata"]["namespace"]) if w["spec"].get("queueName") == queue
        )
        return sum(_order(other) < _order(workload) for other in waiting if not _is_over(other))

    async def _all(self, namespace: str) -> Sequence[Manifest]:
        return await self._cluster.list(WORKLOADS, namespace)

    async def strays(self, execution: Execution) -> Sequence[str]:
        found = await self._cluster.list(WORKLOADS, execution.run.namespace, f"{UID_LABEL}={execution.uid}")
        return sorted({w["metadata"]["labels"][EXECUTION_LABEL] for w in found} - {execution.key})

    async def enter(self, request: Enqueue) -> None:
        execution, spec = request.execution, request.spec
        requests = self._settings.resources.get("requests", {})
        asked = demands(request.pipeline, spec.node_pools, self._pools(), requests)
        labels = jobs.labels(execution, spec, STEP)
        workload = {
            "apiVersion": WORKLOADS.api_version,
            "kind": "Workload",
            "metadata": jobs.metadata(execution, execution.key, labels),
            "spec": {"queueName": spec.queue_name, "podSets": [_pod_set(demand) for demand in asked]},
        }
        await self._cluster.create(WORKLOADS, workload)

    async def leave(self, execution: Execution, key: str) -> None:
        await self._cluster.delete(WORKLOADS, execution.run.namespace, key)


def _pod_set(demand: PoolDemand) -> dict[str, Any]:
    container = {"name": "step", "image": "step", "resources": {"requests": dict(demand.requests)}}
    pod: dict[str, Any] = {"containers": [container], "restartPolicy": "Never"}
    if demand.pool is not None:
        pod["nodeSelector"] = dict(demand.pool.node_selector)
        pod["tolerations"] = [toleration.manifest() for toleration in demand.pool.tolerations]
    return {"name": demand.pool.name if demand.pool else "main", "count": 1, "template": {"spec": pod}}


def _order(workload: Manifest) -> tuple[int, str, str]:
    metadata = workload["metadata"]
    return (-int(workload["spec"].get("priority") or 0), metadata["creationTimestamp"], metadata["name"])


def _is_over(workload: Manifest) -> bool:
    return _holds(workload, "Admitted") or _holds(workload, "Finished")


def _holds(workload: Manifest, kind: str) -> bool:
    return any(c["type"] == kind and c["status"] == "True" for c in _conditions(workload))


def _message(workload: Manifest, kind: str) -> str:
    return next((str(c.get("message", "")) for c in _conditions(workload) if c["type"] == kind), "")


def _conditions(workload: Manifest) -> Sequence[Manifest]:
    return list(workload.get("status", {}).get("conditions", []))


class NoQueues:
    """Implements ports.Queues where the platform has no Kueue: whoever asks for a queue waits for one."""

    async def find(self, execution: Execution) -> QueuePlace | None:
        return None

    async def strays(self, execution: Execution) -> Sequence[str]:
        return ()

    async def enter(self, request: Enqueue) -> None:
        raise RejectedError("spec.queueName needs Kueue, which the platform does not have; remove it, or ask for Kueue")

    async def leave(self, execution: Execution, key: str) -> None:
        return
