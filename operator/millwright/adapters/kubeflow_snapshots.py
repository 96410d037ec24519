"""All runs under way of a namespace and their pods, read at most once an interval, whoever asks how often."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from millwright.adapters.jobs import EXECUTION_LABEL
from millwright.adapters.kubeflow_api import KubeflowApi
from millwright.adapters.recent import Recent
from millwright.core.execution import ObjectKey
from millwright.ports import PODS, Cluster, Manifest

INTERVAL_SECONDS = 2.0
RUN_LABEL = "pipeline/runid"


@dataclass(frozen=True)
class Space:
    """Where runs are: the server's namespace (empty on one that is not multi-user), and that of the pods."""

    api_namespace: str
    pod_namespace: str

    def experiment(self, run: ObjectKey) -> str:
        """Name of the TrainingRun's experiment."""
        return run.name if self.api_namespace else f"{run.namespace}/{run.name}"


@dataclass(frozen=True)
class Snapshot:
    """Runs under way, and pods by run ID and by execution, at one moment."""

    runs: tuple[dict[str, Any], ...] = ()
    pods: dict[str, list[Manifest]] = field(default_factory=dict)
    step_pods: dict[str, list[Manifest]] = field(default_factory=dict)

    def run(self, name: str) -> dict[str, Any] | None:
        """The run of that name, if it is the only one."""
        named = [run for run in self.runs if run["display_name"] == name]
        return named[0] if len(named) == 1 else None


class Snapshots:
    """One snapshot for each space."""

    def __init__(self, api: KubeflowApi, cluster: Cluster) -> None:
        self._api = api
        self._cluster = cluster
        self._recent = Recent(INTERVAL_SECONDS, self._take)

    async def of(self, space: Space) -> Snapshot:
        """Not older than the interval."""
        return await self._recent.of(space)

    async def pods(self, space: Space, run_id: str) -> Sequence[Manifest]:
        """Pods of a run, of its steps and of their drivers, oldest first."""
        return (await self.of(space)).pods.get(run_id, [])

    async def step_pods(self, space: Space, execution: str) -> Sequence[Manifest]:
        """Pods of the steps of an execution, those of a run that was stopped and launched anew too, oldest first."""
        return (await self.of(space)).step_pods.get(execution, [])

    def add(self, space: Space, run: dict[str, Any]) -> None:
        """A run that we started."""
        self._recent.change(space, lambda seen: replace(seen, runs=(*seen.runs, run)))

    def forget(self, space: Space) -> None:
        """What was read is not true any more: we changed it ourselves."""
        self._recent.forget(space)

    async def _take(self, space: Space) -> Snapshot:
        runs = await self._api.active_runs(space.api_namespace)
        pods: dict[str, list[Manifest]] = defaultdict(list)
        step_pods: dict[str, list[Manifest]] = defaultdict(list)
        found = await self._cluster.list(PODS, space.pod_namespace, RUN_LABEL)
        for pod in sorted(found, key=lambda p: str(p["metadata"]["creationTimestamp"])):
            pods[pod["metadata"]["labels"][RUN_LABEL]].append(pod)
            step_pods[pod["metadata"]["labels"].get(EXECUTION_LABEL, "")].append(pod)
        return Snapshot(tuple(runs), dict(pods), dict(step_pods))
