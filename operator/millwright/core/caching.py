"""Whether a pipeline's steps may be answered from results of earlier runs."""

from collections.abc import Mapping
from typing import Any

from millwright.core.execution import Execution
from millwright.core.ir import Pipeline
from millwright.core.training_state import Subject

LAUNCHER_FAILED = "LauncherFailed"


def may_use_cache(subject: Subject, execution: Execution) -> bool:
    """Whether an attempt's steps may be answered from earlier results.

    A replay that does nothing proves nothing. After an attempt in which not the user's code failed but what fetches its
    inputs, all is computed: a cache may point to what was deleted.
    """
    failure = subject.status.failure
    distrusted = execution.attempt > 1 and failure is not None and failure.reason == LAUNCHER_FAILED
    return subject.spec.cache and subject.spec.replay_of is None and not distrusted


def without_cache(pipeline: Pipeline) -> Pipeline:
    """The same pipeline, in which no task may be answered from a cache."""
    spec = dict(pipeline.spec)
    spec["root"] = _without(spec["root"])
    if "components" in spec:
        spec["components"] = {name: _without(component) for name, component in spec["components"].items()}
    return Pipeline(spec, pipeline.platform)


def _without(component: Mapping[str, Any]) -> Mapping[str, Any]:
    """Only components that are DAGs have tasks; `cachingOptions` that say nothing say no."""
    if "dag" not in component:
        return component
    tasks = component["dag"].get("tasks", {})
    changed = {name: {**task, "cachingOptions": {}} for name, task in tasks.items()}
    return {**component, "dag": {**component["dag"], "tasks": changed}}
