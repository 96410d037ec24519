"""Reading compiled pipelines (KFP IR): is it one, can it run here, what does it ask for."""

from collections.abc import Iterator
from pathlib import Path

import yaml
from google.protobuf import json_format  # type: ignore[import-untyped]
from kfp.dsl.component_factory import EXECUTOR_MODULE
from kfp.pipeline_spec.pipeline_spec_pb2 import ComponentSpec, PipelineSpec

from millwright_runner.outcome import Rejected

INVALID = "InvalidPipeline"


def read(path: Path) -> PipelineSpec:
    """The pipeline in a compiled file; a platform specification in a second document has no meaning here.

    Raises `Rejected` (InvalidPipeline) if the file is no compiled pipeline or this runner cannot run it.
    """
    spec = _parse(path.read_text())
    _check_root(spec)
    _check_executors(spec)
    return spec


def task_names(spec: PipelineSpec) -> list[str]:
    """The names of the steps that run code, in the order of the file, those inside branches and loops included."""
    return list(_leaves(spec, spec.root))


def _parse(text: str) -> PipelineSpec:
    try:
        document = next(iter(yaml.safe_load_all(text)), None)
    except yaml.YAMLError as error:
        raise Rejected(INVALID, f"The pipeline is not YAML: {error}") from error
    if not isinstance(document, dict) or "root" not in document:
        raise Rejected(INVALID, "The file is not a compiled Kubeflow pipeline: it has no `root`.")
    try:
        return json_format.ParseDict(document, PipelineSpec())
    except json_format.ParseError as error:
        raise Rejected(INVALID, f"The file is not a compiled Kubeflow pipeline: {error}") from error


def _check_root(spec: PipelineSpec) -> None:
    if not spec.root.dag.tasks:
        raise Rejected(INVALID, "The pipeline has no tasks.")
    if artifacts := sorted(name for name, it in spec.root.input_definitions.artifacts.items() if not it.is_optional):
        raise Rejected(
            INVALID,
            f"The pipeline needs input artifacts ({', '.join(artifacts)}); only parameters "
            "can be given. Import them in the pipeline with dsl.importer.",
        )
    for component, task in _components(spec, spec.root):
        if component is None:
            raise Rejected(INVALID, f"Task {task} refers to a component that the pipeline does not contain.")


def _check_executors(spec: PipelineSpec) -> None:
    """Every step must be a lightweight Python component: their own images cannot be started inside this pod."""
    for name, executor in spec.deployment_spec.fields["executors"].struct_value.fields.items():
        container = executor.struct_value.fields.get("container")
        command = str(container.struct_value.fields["command"]) if container else EXECUTOR_MODULE
        arguments = str(container.struct_value.fields["args"]) if container else ""
        if EXECUTOR_MODULE not in command + arguments:
            raise Rejected(
                INVALID,
                f"{name} is a container component; the embedded backend runs Python components only. "
                "Write the step as a Python function with @dsl.component.",
            )


def _components(spec: PipelineSpec, dag: ComponentSpec) -> Iterator[tuple[ComponentSpec | None, str]]:
    for name, task in dag.dag.tasks.items():
        component = spec.components.get(task.component_ref.name)
        yield component, name
        if component is not None and component.WhichOneof("implementation") == "dag":
            yield from _components(spec, component)


def _leaves(spec: PipelineSpec, dag: ComponentSpec) -> Iterator[str]:
    for component, name in _components(spec, dag):
        if component is not None and component.WhichOneof("implementation") != "dag":
            yield name


def parameter_names(spec: PipelineSpec) -> list[str]:
    """Names of the parameters that the pipeline declares, sorted."""
    return sorted(spec.root.input_definitions.parameters)
