"""Where a TrainingRun's compiled pipeline comes from: a ConfigMap, an object in S3, or the Kubeflow server."""

import hashlib

from millwright.api.training_run import ConfigMapReference, TrainingRunSpec
from millwright.core import ir
from millwright.core.ir import InvalidPipeline
from millwright.core.node_pools import InvalidPlacement
from millwright.core.parameters import InvalidParameter, arguments
from millwright.core.training_state import Missing, PipelineInput
from millwright.ports import CONFIG_MAPS, Cluster, ObjectStore, Pipelines

MOST_BYTES = 4 * 1024 * 1024


class PipelineSources:
    """Reads pipelines and has the backend check them."""

    def __init__(self, cluster: Cluster, objects: ObjectStore, pipelines: Pipelines) -> None:
        self._cluster = cluster
        self._objects = objects
        self._pipelines = pipelines

    async def read(self, namespace: str, spec: TrainingRunSpec) -> PipelineInput | Missing:
        """The pipeline that the spec names, or why there is none."""
        try:
            found = await self._text(namespace, spec)
            if isinstance(found, Missing):
                return found
            pipeline = ir.parse(found)
            self._pipelines.check(namespace, pipeline, spec)
            return PipelineInput(pipeline, arguments(pipeline, spec.parameters))
        except InvalidPipeline as error:
            return Missing("InvalidPipeline", f"{_place(spec)}: {error}", final=True)
        except (InvalidParameter, InvalidPlacement) as error:
            return Missing(type(error).__name__, str(error), final=True)

    async def _text(self, namespace: str, spec: TrainingRunSpec) -> str | Missing:
        source = spec.pipeline
        if source.config_map_ref is not None:
            return await self._of_config_map(namespace, source.config_map_ref)
        if source.uri is not None:
            return await self._of_object(source.uri, source.digest or "")
        assert source.name is not None
        text = await self._pipelines.uploaded(namespace, source.name, source.version)
        if text is None:
            return Missing("PipelineNotFound", f"{_place(spec)} is not on the Kubeflow server yet; upload it")
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
    source = spec.pipeline
    if source.config_map_ref is not None:
        return f"ConfigMap {source.config_map_ref.name}, key {source.config_map_ref.key}"
    return source.uri or f"pipeline {source.name} {source.version or ''}".rstrip()
