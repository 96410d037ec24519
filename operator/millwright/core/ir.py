"""Compiled Kubeflow pipelines (IR YAML): reading, writing, and what the embedded backend can run."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from millwright.core import ir_shape, steps
from millwright.core.steps import Step

# Images that `kfp` puts in when a component names none.
DEFAULT_IMAGE = re.compile(r"^(docker\.io/)?(library/)?python:3(\.\d+)*(-slim)?$")
EXECUTOR = "exec-"
PLATFORM_EXECUTORS = ("platforms", "kubernetes", "deploymentSpec", "executors")
_PERHAPS_ALIAS = re.compile(r"(?:^|[\s\[{,:-])\*\S", re.MULTILINE)
_NOT_COMPILED = "the text is no compiled pipeline: write it with `kfp dsl compile` or kfp.compiler.Compiler"


class InvalidPipeline(ValueError):
    """The text is not a pipeline that can be run; the message says what to do."""


class _Loader(yaml.CSafeLoader):
    """Without dates: IR is JSON in YAML's clothes, and 2013-01-01 is a text there."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, form) for tag, form in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


class _Dumper(yaml.CSafeDumper):
    """Without anchors, which `parse` refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@dataclass(frozen=True)
class Pipeline:
    """A compiled pipeline: PipelineSpec and, where there is one, PlatformSpec, as protobuf JSON; never changed."""

    spec: Mapping[str, Any]
    platform: Mapping[str, Any] = field(default_factory=dict)

    @property
    def executors(self) -> Mapping[str, Any]:
        """What `deploymentSpec` says of each executor, by its label `exec-<step>`."""
        found = self.spec.get("deploymentSpec") or {}
        return dict(found.get("executors") or {})

    @property
    def platform_executors(self) -> Mapping[str, Any]:
        """What the platform document says of executors on Kubernetes (kfp-kubernetes' KubernetesExecutorConfig)."""
        found: Any = self.platform
        for name in PLATFORM_EXECUTORS:
            found = found.get(name) or {}
        return dict(found)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps that run in a container of their own: importers and volume operations have none."""
        return tuple(
            steps.read(step_name(label), executor["container"])
            for label, executor in self.executors.items()
            if executor.get("container") and not executor["container"].get("image", "").startswith(steps.NO_CONTAINER)
        )

    def with_executors(self, executors: Mapping[str, Any], platform_executors: Mapping[str, Any]) -> "Pipeline":
        """The same pipeline with other executors."""
        spec = _put(self.spec, ("deploymentSpec", "executors"), dict(executors))
        return Pipeline(spec, _put(self.platform, PLATFORM_EXECUTORS, dict(platform_executors)))

    def text(self) -> str:
        """IR YAML of one or two documents; `parse` makes an equal value of it."""
        return self._text

    @cached_property
    def digest(self) -> str:
        """sha256 of the text."""
        return f"sha256:{hashlib.sha256(self._text.encode()).hexdigest()}"

    @cached_property
    def _text(self) -> str:
        documents = [dict(self.spec), dict(self.platform)] if self.platform else [dict(self.spec)]
        return str(yaml.dump_all(documents, Dumper=_Dumper, sort_keys=True, allow_unicode=True))


def step_name(executor_label: str) -> str:
    """`train` of `exec-train`."""
    return executor_label.removeprefix(EXECUTOR)


def _put(node: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    rest = _put(node.get(path[0]) or {}, path[1:], value) if len(path) > 1 else value
    return {**node, path[0]: rest}


def parse(text: str) -> Pipeline:
    """The pipeline in IR YAML of one or two documents. Raises InvalidPipeline."""
    documents = _documents(text)
    if not documents or not isinstance(documents[0], dict) or "pipelineInfo" not in documents[0]:
        raise InvalidPipeline(_NOT_COMPILED)
    platform = documents[1] if len(documents) > 1 else {}
    if len(documents) > 2 or not isinstance(platform, dict) or (platform and "platforms" not in platform):
        raise InvalidPipeline("after the pipeline there may be one document, its platform specification (`platforms`)")
    if fault := ir_shape.fault(documents[0], platform):
        raise InvalidPipeline(f"{_NOT_COMPILED} ({fault})")
    pipeline = Pipeline(documents[0], platform)
    if not pipeline.executors:
        raise InvalidPipeline("the pipeline has no steps")
    try:
        _ = pipeline.steps
    except ValueError as error:
        raise InvalidPipeline(str(error)) from error
    return pipeline


def _documents(text: str) -> list[Any]:
    try:
        # Anchors make a small text expand without end where it is written as JSON; kfp writes none.
        if _PERHAPS_ALIAS.search(text) and any(isinstance(e, yaml.AliasEvent) for e in yaml.parse(text, _Loader)):
            raise InvalidPipeline("the pipeline uses YAML aliases (*name); write it without them, as kfp does")
        return [d for d in yaml.load_all(text, Loader=_Loader) if d]
    except yaml.YAMLError as error:
        raise InvalidPipeline(f"the pipeline is not YAML: {error}".replace("\n", " ")) from error


def image_for_embedded(pipeline: Pipeline) -> str | None:
    """The one image that every step asks for; None for the platform's. Raises InvalidPipeline if not."""
    images = set()
    for name, container in _containers(pipeline):
        command = " ".join([*container.get("command", []), *container.get("args", [])])
        if "kfp.dsl.executor_main" not in command:
            raise InvalidPipeline(
                f"step {name} is a container component; "
                "the embedded backend runs Python components (@dsl.component) only"
            )
        if "pip install" in command:
            raise InvalidPipeline(
                f"step {name} installs packages when it starts; put them into an image made FROM the runner image, "
                "name it by base_image, and compile with install_kfp_package=False and no packages_to_install"
            )
        images.add(container.get("image", ""))
    named = {image for image in images if image and not DEFAULT_IMAGE.match(image)}
    if len(named) > 1:
        raise InvalidPipeline(
            f"steps name {len(named)} images ({', '.join(sorted(named))}); "
            "the embedded backend runs all steps in one pod: use one image"
        )
    return named.pop() if named else None


def _containers(pipeline: Pipeline) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for label, executor in pipeline.executors.items():
        if not executor.get("container"):
            kind = next(iter(executor), "nothing")
            raise InvalidPipeline(f"step {step_name(label)} is of kind {kind}, which the embedded backend cannot run")
        yield step_name(label), executor["container"]
