"""The shape of those parts of compiled pipelines that we read; what else is in them is left alone.

KFP's PipelineSpec and PlatformSpec, and kfp-kubernetes 2.14.3's KubernetesExecutorConfig, in protobuf JSON.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

Label = Annotated[str, StringConstraints(pattern="^exec-.")]
Texts = dict[str, str]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _EnvVar(_Part):
    name: str


class _Resources(_Part):
    cpuRequest: float | None = None
    cpuLimit: float | None = None
    memoryRequest: float | None = None
    memoryLimit: float | None = None
    accelerator: dict[str, Any] | None = None


class _Container(_Part):
    image: str = ""
    command: list[str] = []
    args: list[str] = []
    env: list[_EnvVar] | None = None
    resources: _Resources | None = None


class _Executor(_Part):
    container: _Container | None = None


class _KeyToEnv(_Part):
    envVar: str


class _KeyedEnv(_Part):
    keyToEnv: list[_KeyToEnv] = []


class _NodeSelector(_Part):
    labels: Texts | None = None


class _PodMetadata(_Part):
    labels: Texts | None = None
    annotations: Texts | None = None


class _KubernetesExecutor(_Part):
    nodeSelector: _NodeSelector | None = None
    tolerations: list[dict[str, Any]] | None = None
    podMetadata: _PodMetadata | None = None
    secretAsEnv: list[_KeyedEnv] | None = None
    configMapAsEnv: list[_KeyedEnv] | None = None
    fieldPathAsEnv: list[_EnvVar] | None = None


class _Executors(_Part):
    executors: dict[Label, _Executor] | None = None


class _KubernetesExecutors(_Part):
    executors: dict[Label, _KubernetesExecutor] | None = None


class _Kubernetes(_Part):
    deploymentSpec: _KubernetesExecutors | None = None


class _Platforms(_Part):
    kubernetes: _Kubernetes | None = None


class _Spec(_Part):
    deploymentSpec: _Executors | None = None


class _Platform(_Part):
    platforms: _Platforms | None = None


def fault(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> str | None:
    """The first thing that is not as we read it, with its place in the text; None where all is."""
    try:
        _Spec.model_validate(spec)
        _Platform.model_validate(platform)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return None
