"""Compiled Kubeflow pipelines (IR YAML): what the embedded backend can run, and in which image."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

# Images that `kfp` puts in when a component names none.
DEFAULT_IMAGE = re.compile(r"^(docker\.io/)?(library/)?python:3(\.\d+)*(-slim)?$")


class InvalidPipeline(ValueError):
    """The text is not a pipeline that can be run; the message says what to do."""


def parse(text: str) -> Mapping[str, Any]:
    """The pipeline spec in IR YAML of one or two documents. Raises InvalidPipeline."""
    try:
        documents = [d for d in yaml.load_all(text, Loader=yaml.CSafeLoader) if d]
    except yaml.YAMLError as error:
        raise InvalidPipeline(f"the pipeline is not YAML: {error}".replace("\n", " ")) from error
    if not documents or not isinstance(documents[0], dict) or "pipelineInfo" not in documents[0]:
        raise InvalidPipeline(
            "the text is no compiled pipeline: write it with `kfp dsl compile` or kfp.compiler.Compiler"
        )
    return documents[0]


def image_for_embedded(pipeline: Mapping[str, Any]) -> str | None:
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


def _containers(pipeline: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    executors = pipeline.get("deploymentSpec", {}).get("executors", {})
    if not executors:
        raise InvalidPipeline("the pipeline has no steps")
    for name, executor in executors.items():
        label = name.removeprefix("exec-")
        if "container" not in executor:
            kind = next(iter(executor), "nothing")
            raise InvalidPipeline(f"step {label} is of kind {kind}, which the embedded backend cannot run")
        yield label, executor["container"]
