"""A tracking server and model registry in memory."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from millwright.core import upstream
from millwright.core.execution import Cause, Package, TrackedRun, original
from millwright.core.records import PIPELINE_DIGEST_TAG, REPLAY_OF_TAG
from millwright.core.registry import RegisteredModel, RegisteredVersion, VersionName
from millwright.ports import RejectedError


class FakeRegistry:
    """Implements ports.Registry."""

    def __init__(self) -> None:
        self.runs: dict[str, tuple[str, str, TrackedRun]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.models: dict[str, RegisteredModel] = {}
        self.model_versions: dict[str, list[RegisteredVersion]] = {}
        self._given: Counter[str] = Counter()

    def update_run(self, key: str, **changes: Any) -> None:
        """As training code or the runner does through MLflow."""
        for run_id, (experiment, run_key, run) in self.runs.items():
            if run_key == key:
                self.runs[run_id] = (experiment, key, dataclasses.replace(run, **changes))

    async def find_run(self, experiment: str, key: str) -> TrackedRun | None:
        found = (run for place, run_key, run in self.runs.values() if (place, run_key) == (experiment, key))
        return next(found, None)

    async def open_executions(self, experiment: str) -> Sequence[str]:
        runs = self.runs.values()
        return sorted(key for place, key, run in runs if place == experiment and run.status == "RUNNING")

    async def open_run(self, experiment: str, key: str, tags: Mapping[str, str]) -> str:
        run_id = f"run-{len(self.runs) + 1}"
        self.tags[run_id] = {**tags, "millwright.execution": key}
        self.runs[run_id] = (experiment, key, TrackedRun(id=run_id, url=f"http://mlflow/{run_id}", **_told(tags)))
        return run_id

    async def metrics(self, run_id: str) -> Mapping[str, float] | None:
        return self.runs[run_id][2].metrics if run_id in self.runs else None

    async def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        experiment, key, run = self.runs[run_id]
        self.tags[run_id] |= tags
        self.runs[run_id] = (experiment, key, dataclasses.replace(run, **_told(self.tags[run_id])))

    async def close_run(self, run_id: str, status: str, cause: Cause | None = None) -> None:
        experiment, key, run = self.runs[run_id]
        outcome: dict[str, Any] = {} if status == "KILLED" else {"succeeded": cause is None, "failure": cause}
        self.runs[run_id] = (experiment, key, dataclasses.replace(run, status=status, **outcome))

    async def find_model(self, name: str) -> RegisteredModel | None:
        return self.models.get(name)

    async def list_models(self) -> Sequence[RegisteredModel]:
        return [model for model in self.models.values() if "millwright.model" in model.tags]

    async def ensure_model(self, name: str, description: str, tags: Mapping[str, str]) -> None:
        old = self.models.get(name, RegisteredModel(name, f"http://mlflow/{name}"))
        self.models[name] = dataclasses.replace(old, description=description, tags={**old.tags, **tags})

    async def versions(self, name: str) -> Sequence[RegisteredVersion]:
        return tuple(self.model_versions.get(name, ()))

    async def version_of(self, name: str, key: str) -> RegisteredVersion | None:
        versions = self.model_versions.get(name, ())
        return next((v for v in versions if v.tags.get("millwright.execution") == key), None)

    async def versions_of_package(self, package: str) -> Sequence[VersionName]:
        every = ((name, version) for name, versions in self.model_versions.items() for version in versions)
        return [VersionName(name, v.number) for name, v in every if v.tags.get("millwright.package") == package]

    async def register(self, name: str, run_id: str, package: Package, tags: Mapping[str, str]) -> None:
        if name not in self.models:
            raise RejectedError(f"no registered model {name}")
        self._given[name] += 1
        version = RegisteredVersion(str(self._given[name]), run_id, dict(tags))
        self.model_versions.setdefault(name, []).append(version)
        self._touch(name)

    async def set_alias(self, name: str, alias: str, version: str) -> None:
        if version not in (known.number for known in self.model_versions.get(name, ())):
            raise RejectedError(f"no version {version} of registered model {name}")
        model = self.models[name]
        self.models[name] = dataclasses.replace(model, aliases={**model.aliases, alias: version})

    async def delete_alias(self, name: str, alias: str) -> None:
        self._keep_aliases(name, lambda known, version: known != alias)

    async def delete_version(self, name: str, version: str) -> None:
        there = self.model_versions.get(name, [])
        there[:] = [known for known in there if known.number != version]
        self._touch(name)
        self._keep_aliases(name, lambda alias, target: target != version)

    async def delete_model(self, name: str) -> None:
        self.models.pop(name, None)
        self.model_versions.pop(name, None)
        self._given.pop(name, None)

    def _touch(self, name: str) -> None:
        if name in self.models:
            model = self.models[name]
            self.models[name] = dataclasses.replace(model, last_updated=model.last_updated + 1)

    def _keep_aliases(self, name: str, kept: Callable[[str, str], bool]) -> None:
        """Of a model that is there, those for which `kept(alias, version)` is true."""
        if name in self.models:
            model = self.models[name]
            left = {alias: version for alias, version in model.aliases.items() if kept(alias, version)}
            self.models[name] = dataclasses.replace(model, aliases=left)


def _told(tags: Mapping[str, str]) -> dict[str, Any]:
    """What a tracked run tells of its tags."""
    return {
        "pipeline_digest": tags.get(PIPELINE_DIGEST_TAG),
        "upstream": upstream.read(tags),
        "replay_of": original(tags.get(REPLAY_OF_TAG, "")),
    }
