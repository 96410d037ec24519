"""Which pipelines backend runs what: one for each namespace, and the one that has a run already for that run."""

from collections.abc import Mapping, Sequence

from millwright.api.training_run import TrainingRunSpec
from millwright.core.actions import Launch
from millwright.core.execution import Execution, PipelineRun, Runtime
from millwright.core.ir import Pipeline
from millwright.ports import Pipelines


class Backends:
    """Implements ports.Pipelines by several others."""

    def __init__(self, backends: Mapping[str, Pipelines], default: str, by_namespace: Mapping[str, str]) -> None:
        """`by_namespace`: names of backends for namespaces that do not use the default one."""
        self._backends = backends
        self._default = default
        self._by_namespace = by_namespace

    def check(self, namespace: str, pipeline: Pipeline, spec: TrainingRunSpec) -> None:
        self._chosen(namespace).check(namespace, pipeline, spec)

    async def uploaded(self, namespace: str, name: str, version: str | None) -> str | None:
        return await self._chosen(namespace).uploaded(namespace, name, version)

    async def runtime(self, namespace: str) -> Runtime:
        return await self._chosen(namespace).runtime(namespace)

    async def find(self, execution: Execution) -> PipelineRun | None:
        for backend in self._of(execution):
            found = await backend.find(execution)
            if found is not None:
                return found
        return None

    async def strays(self, execution: Execution) -> Sequence[str]:
        return sorted({key for backend in self._of(execution) for key in await backend.strays(execution)})

    async def launch(self, launch: Launch, mlflow_run_id: str) -> None:
        await self._chosen(launch.execution.run.namespace).launch(launch, mlflow_run_id)

    async def stop(self, execution: Execution, key: str) -> None:
        for backend in self._of(execution):
            await backend.stop(execution, key)

    async def prune(self, execution: Execution, key: str) -> None:
        for backend in self._of(execution):
            await backend.prune(execution, key)

    async def forget(self, execution: Execution) -> None:
        for backend in self._of(execution):
            await backend.forget(execution)

    def _chosen(self, namespace: str) -> Pipelines:
        return self._backends[self._by_namespace.get(namespace, self._default)]

    def _of(self, execution: Execution) -> Sequence[Pipelines]:
        """The chosen one, and the one that was when the TrainingRun was launched; no other's outage is of interest."""
        chosen = self._chosen(execution.run.namespace)
        former = self._backends.get(execution.backend or "", chosen)
        return (chosen,) if former is chosen else (former, chosen)
