"""Placing a compiled pipeline's steps: node pool, environment, labels, resources and image, written into its IR.

For the `kubeflow` backend. Fields are those of kfp-kubernetes 2.14.3's KubernetesExecutorConfig in protobuf JSON. What
the pipeline's author wrote stays, but for what is ours: see `Placement`. Placing what is placed changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from millwright.api.common import GROUP
from millwright.api.training_run import NodePoolSelection
from millwright.core import environment
from millwright.core.environment import SecretEnvironment
from millwright.core.execution import short_hash
from millwright.core.ir import DEFAULT_IMAGE, EXECUTOR, Pipeline
from millwright.core.node_pools import InvalidPlacement, NodePool, NodePools, Toleration, choose
from millwright.core.pods import NODE_POOL_LABEL
from millwright.core.steps import RESOURCES, Step

Json = Mapping[str, Any]
TASK_LABEL = f"{GROUP}/task"
LABEL_LENGTH = 63


@dataclass(frozen=True)
class Placement:
    """What a run's steps get.

    `image`: where a step names none of its own. `environment`: MLFLOW_* and MILLWRIGHT_* win over the author's, others
    do not. `labels`, `annotations`: of pods; millwright.dev/* win over the author's, others do not.
    """

    pools: NodePools
    image: str
    selection: NodePoolSelection | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[SecretEnvironment, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    image_pull_policy: str | None = None


@dataclass(frozen=True)
class Placed:
    """The placed pipeline, and the pool of each step that has one."""

    pipeline: Pipeline
    pool_of: Mapping[str, str]


def place(pipeline: Pipeline, placement: Placement) -> Placed:
    """Writes the placement into the pipeline. Raises InvalidPlacement."""
    chosen = choose(pipeline.steps, placement.selection, placement.pools)
    executors, platform = dict(pipeline.executors), dict(pipeline.platform_executors)
    for step in pipeline.steps:
        label, pool = f"{EXECUTOR}{step.name}", chosen[step.name]
        container, config = executors[label]["container"], platform.get(label) or {}
        executors[label] = {**executors[label], "container": _container(step, container, config, pool, placement)}
        platform[label] = _config(step, container, config, pool, placement)
    pool_of = {name: pool.name for name, pool in chosen.items() if pool is not None}
    return Placed(pipeline.with_executors(executors, platform), pool_of)


def task_label(step: str) -> str:
    """The step's name as a label value: long names are cut, and stay different by a hash."""
    return step if len(step) <= LABEL_LENGTH else f"{step[:52]}-{short_hash(step)}"


def _container(step: Step, container: Json, config: Json, pool: NodePool | None, placement: Placement) -> Json:
    own_image = step.image and not DEFAULT_IMAGE.match(step.image)
    changed = {
        "image": step.image if own_image else placement.image,
        "env": environment.plain(container.get("env") or [], config, placement.environment),
        "resources": _resources(step, container.get("resources") or {}, pool),
    }
    return {**container, **{name: value for name, value in changed.items() if value}}


def _resources(step: Step, written: Json, pool: NodePool | None) -> Json:
    """The pool's defaults for cpu or memory, each where the author said nothing of it: halves could contradict."""
    if pool is None:
        return written
    defaults = {
        f"resource{resource.capitalize()}{kind}": amounts[resource]
        for kind, amounts in (("Request", pool.requests), ("Limit", pool.limits))
        for resource in RESOURCES
        if resource in amounts and not step.says(resource)
    }
    return {**written, **defaults}


def _config(step: Step, container: Json, config: Json, pool: NodePool | None, placement: Placement) -> Json:
    changed = {
        "nodeSelector": _node_selector(step, config.get("nodeSelector") or {}, pool),
        "tolerations": _tolerations(config.get("tolerations") or [], pool.tolerations if pool else ()),
        "podMetadata": _pod_metadata(step, config.get("podMetadata") or {}, pool, placement),
        "imagePullPolicy": config.get("imagePullPolicy") or placement.image_pull_policy,
        **environment.sources(container.get("env") or [], config, placement.environment, placement.secrets),
    }
    kept = {name: value for name, value in config.items() if name not in changed}
    return {**kept, **{name: value for name, value in changed.items() if value}}


def _node_selector(step: Step, written: Json, pool: NodePool | None) -> Json:
    if pool is None or not pool.node_selector:
        return written
    if "nodeSelectorJson" in written:
        raise InvalidPlacement(
            f"step {step.name} takes its node selector from a parameter, which cannot be joined with that of node pool "
            f"{pool.name}; compile it without add_node_selector_json, and choose the pool by spec.nodePools"
        )
    return {**written, "labels": {**(written.get("labels") or {}), **pool.node_selector}}


def _tolerations(written: list[Json], ours: tuple[Toleration, ...]) -> list[Json]:
    """The author's and the pool's; the pool's where they differ in seconds alone."""
    wanted = [*written, *(toleration.manifest() for toleration in ours)]
    return list({short_hash({**t, "tolerationSeconds": None}, 64): t for t in wanted}.values())


def _pod_metadata(step: Step, written: Json, pool: NodePool | None, placement: Placement) -> Json:
    ours = {**placement.labels, TASK_LABEL: task_label(step.name)}
    theirs = {name: value for name, value in (written.get("labels") or {}).items() if name != NODE_POOL_LABEL}
    labels = _merged(theirs, ours | ({NODE_POOL_LABEL: pool.name} if pool else {}))
    annotations = _merged(written.get("annotations") or {}, placement.annotations)
    return {**written, "labels": labels} | ({"annotations": annotations} if annotations else {})


def _merged(written: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    return {**ours, **written, **{name: value for name, value in ours.items() if name.startswith(f"{GROUP}/")}}
