"""Where a TrainingRun's compiled pipeline comes from: a ConfigMap, S3, the Kubeflow server, or another execution."""

import hashlib

from millwright.api.training_inputs import ConfigMapReference, PipelineSource, ReplayOf
from millwright.api.training_run import TrainingRunSpec
from millwright.core import ir
from millwright.core.ir import InvalidPipeline
from millwright.core.node_pools import InvalidPlacement
from millwright.core.parameters import InvalidParameter, arguments
from millwright.core.training_state import Missing, ModelTarget, PipelineInput
from millwright.ports import CONFIG_MAPS, Cluster, DependencyError, ObjectStore, Pipelines, RejectedError
from millwright.reconcilers.copy_source import CopySources

MOST_BYTES = 900 * 1024  # every execution has its copy in a ConfigMap, which holds a MiB


class PipelineSources:
    """Reads pipelines and has the backend check them."""

    def __init__(self, cluster: Cluster, objects: ObjectStore, pipelines: Pipelines, copies: CopySources) -> None:
        self._cluster = cluster
        self._objects = objects
        self._pipelines = pipelines
        self._copies = copies

    async def read(
        self, namespace: str, spec: TrainingRunSpec, model: ModelTarget | Missing
    ) -> PipelineInput | Missing:
        """The pipeline that the spec names, as the backend takes it, or why there is none.

        What cannot be read is missing too: it keeps nobody from ending what runs.
        """
        try:
            found = await self._found(namespace, spec, model)
            if isinstance(found, PipelineInput):
                self._pipelines.check(namespace, found.pipeline, spec)
            return found
        except InvalidPipeline as error:
            return Missing("InvalidPipeline", f"{_place(spec)}: {error}", final=True)
        except (InvalidParameter, InvalidPlacement) as error:
            return Missing(type(error).__name__, str(error), final=True)
        except RejectedError as error:
            return Missing("Rejected", str(error), final=True)
        except DependencyError as error:
            return Missing(f"{error.dependency.capitalize()}Unavailable", str(error))

    async def _found(
        self, namespace: str, spec: TrainingRunSpec, model: ModelTarget | Missing
    ) -> PipelineInput | Missing:
        if spec.replay_of is not None:
            return model if isinstance(model, Missing) else await self._repeated(namespace, spec.replay_of, model)
        assert spec.pipeline is not None
        text = await self._text(namespace, spec.pipeline)
        if isinstance(text, Missing):
            return text
        pipeline = ir.parse(text)
        given, runtime = arguments(pipeline, spec.parameters), await self._pipelines.runtime(namespace)
        return PipelineInput(pipeline, given, runtime, spec.datasets, spec.source)

    async def _repeated(self, namespace: str, wanted: ReplayOf, model: ModelTarget) -> PipelineInput | Missing:
        copy = await self._copies.read(namespace, wanted, model)
        if isinstance(copy, Missing):
            return copy
        runtime = await self._pipelines.runtime(namespace)
        return PipelineInput(copy.pipeline, copy.arguments, runtime, copy.datasets, copy.source, copy.original)

    async def _text(self, namespace: str, source: PipelineSource) -> str | Missing:
        if source.config_map_ref is not None:
            return await self._of_config_map(namespace, source.config_map_ref)
        if source.uri is not None:
            return await self._of_object(source.uri, source.digest or "")
        assert source.name is not None
        text = await self._pipelines.uploaded(namespace, source.name, source.version)
        if text is None:
            return Missing("PipelineNotFound", f"{_named(source)} is not on the Kubeflow server yet; upload it")
        return text

    async def _of_config_map(self, namespace: str, source: ConfigMapReference) -> str | Missing:
        body = await self._cluster.get(CONFIG_MAPS, namespace, source.name)
        if body is None:
            message = f"ConfigMap {source.name} is not there yet; the run starts when it is applied"
            return Missing("PipelineNotFound", message)
        text = (body.get("data") or {}).get(source.key)
        if text is None:
            there = ", ".join(sorted(body.get("data") or {})) or "none"
            return Missing("PipelineKeyNotFound", f"ConfigMap {source.name} has no key {source.key} (keys: {there})")
        return str(text)

    async def _of_object(self, uri: str, digest: str) -> str | Missing:
        content = await self._objects.get(uri, MOST_BYTES)
        if content is None:
            return Missing("PipelineNotFound", f"{uri} is not there yet; the run starts when it is uploaded")
        actual = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if actual != digest:
            message = f"{uri} has digest {actual}, not the {digest} of spec.pipeline.digest; name the one you mean"
            return Missing("DigestMismatch", message, final=True)
        return content.decode(errors="replace")


def _place(spec: TrainingRunSpec) -> str:
    return "the replayed pipeline" if spec.pipeline is None else _named(spec.pipeline)


def _named(source: PipelineSource) -> str:
    if source.config_map_ref is not None:
        return f"ConfigMap {source.config_map_ref.name}, key {source.config_map_ref.key}"
    return source.uri or f"pipeline {source.name} {source.version or ''}".rstrip()
