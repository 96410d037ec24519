"""Retention on fakes: what goes from registry and storage, and what nothing makes again."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.faults import Killed
from tests.fakes.objects import FakeObjects
from tests.fakes.world import KEY, FakeWorld, deployment, model, training_run

from millwright.core.execution import Package
from millwright.core.model import REST_SECONDS
from millwright.ports import DEPLOYMENTS, EVENTS, MODELS, TRAINING_RUNS, DependencyError, Manifest, RejectedError

NAME = "flights.arr-delay"
PLURAL = MODELS.plural
PACKAGES = "s3://models/flights/arr-delay"
KEEP_ONE = {"retention": {"keepVersions": 1}}


async def registered(world: FakeWorld, name: str = NAME, package: str = "", auc: int | None = None) -> None:
    """Makes a version with a package of its own (`k-` and its number), or with that one."""
    uri = package or f"{PACKAGES}/k-{len(await world.registry.versions(name)) + 1}"
    for file in (f"{uri}/model.onnx", f"{uri}/manifest.json", f"{uri}.replay/replay.json"):
        world.objects.contents[file] = b""
    tags = {"gates": "Passed", "package": uri, "digest": uri, "metrics": json.dumps({"auc": auc})}
    tagged = {f"millwright.{tag}": value for tag, value in tags.items()}
    await world.registry.register(name, "run-1", Package(uri, uri, "onnx"), tagged)


async def with_versions(count: int, **spec: Any) -> FakeWorld:
    world = FakeWorld()
    world.cluster.put(MODELS, model())
    await world.settle(world.models)
    for _ in range(count):
        await registered(world)
    world.cluster.put(MODELS, model(**spec))
    return world


def serving(world: FakeWorld, number: str) -> Manifest:
    """A Deployment that serves a version."""
    version = next(v for v in world.registry.model_versions[NAME] if v.number == number)
    shown = {"version": number, "digest": version.tags["millwright.digest"]}
    return deployment() | {"status": {"stable": shown | {"versionSet": "set", "since": "2026-01-01T00:00:00Z"}}}


def numbers(world: FakeWorld, name: str = NAME) -> list[str]:
    return [version.number for version in world.registry.model_versions[name]]


def packages(world: FakeWorld) -> set[str]:
    return {uri.split("/")[5] for uri in world.objects.contents}


async def test_the_oldest_versions_go_with_their_packages_and_copies() -> None:
    world = await with_versions(3, **KEEP_ONE)
    await world.settle(world.models)
    assert numbers(world) == ["3"]
    assert packages(world) == {"k-3", "k-3.replay"}
    assert [version["version"] for version in world.status(PLURAL)["versions"]] == ["3"]
    told = [body["message"] for (plural, _, _), body in world.cluster.objects.items() if plural == EVENTS.plural]
    assert f"version 1 is deleted, and its package {PACKAGES}/k-1" in told


async def test_a_package_that_another_version_names_stays() -> None:
    world = await with_versions(2)
    await world.registry.ensure_model("flights.promoted", "", {})
    await registered(world, "flights.promoted", f"{PACKAGES}/k-1")
    world.cluster.put(MODELS, model(**KEEP_ONE))
    await world.settle(world.models)
    assert numbers(world) == ["2"]
    assert "k-1" in packages(world)


async def test_what_is_served_goes_when_it_is_not_served_any_more() -> None:
    world = await with_versions(3, **KEEP_ONE)
    world.cluster.put(DEPLOYMENTS, serving(world, "1"))
    await world.settle(world.models)
    assert numbers(world) == ["1", "3"]
    await world.cluster.delete(DEPLOYMENTS, KEY.namespace, KEY.name)
    await world.settle(world.models)
    assert numbers(world) == ["3"]


async def test_very_many_go_in_the_end() -> None:
    world = await with_versions(50, **KEEP_ONE)
    await world.settle(world.models)
    assert numbers(world) == ["50"]


@pytest.mark.parametrize("trouble", [DependencyError("s3", "AccessDenied"), RejectedError("no S3 credentials")])
async def test_storage_that_refuses_is_told_and_holds_up_nothing_else(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await with_versions(3)
    await world.settle(world.models)

    async def refuse(*_: str) -> None:
        raise trouble

    monkeypatch.setattr(FakeObjects, "remove", refuse)
    world.cluster.put(MODELS, model(aliases={"champion": "Latest", "prod": "External"}, **KEEP_ONE))
    await look(world, type(trouble))
    await world.registry.set_alias(NAME, "prod", "2")
    await look(world, type(trouble))
    assert world.status(PLURAL)["aliases"] == {"champion": "3", "prod": "2"}
    assert numbers(world) == ["1", "2", "3"]
    told = [world.condition(kind, PLURAL)["message"] for kind in ("Ready", "Reconciling")]
    assert str(trouble) in told
    writes = len(world.cluster.writes)
    await look(world, type(trouble))
    assert len(world.cluster.writes) == writes


async def look(world: FakeWorld, trouble: type[Exception]) -> None:
    for _ in range(5):
        with suppress(trouble):
            await world.models.reconcile(KEY)


async def two_runs(world: FakeWorld) -> None:
    """One TrainingRun makes a version, and then, with another spec, a second one."""
    world.cluster.put(MODELS, model(**KEEP_ONE))
    await world.settle(world.models)
    for months in ("1", "1-6"):
        world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": months}))
        await world.settle(world.training_runs)


async def test_a_version_that_went_is_not_made_again_by_a_comment_on_what_made_it() -> None:
    world = FakeWorld()
    await two_runs(world)
    await world.settle(world.models)
    await world.registry.delete_version(NAME, "2")
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": "1-6"}, message="a comment"))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded" and world.status()["modelVersion"] == "2"
    assert world.registry.model_versions[NAME] == []


async def test_a_version_waits_until_its_training_run_has_told_of_it() -> None:
    world = await with_versions(0, **KEEP_ONE)
    world.cluster.put(TRAINING_RUNS, training_run())
    while not world.registry.model_versions.get(NAME):
        await world.training_runs.reconcile(KEY)
    await registered(world)
    await world.settle(world.models)
    assert numbers(world) == ["1", "2"]
    await world.settle(world.training_runs)
    await world.settle(world.models)
    assert numbers(world) == ["2"]
    assert world.status()["modelVersion"] == "1"


@dataclass(frozen=True)
class Wanted:
    """What six versions measured, and what is asked for of them. `served`, `theirs`: what a Deployment serves, and what
    people gave an alias of their own.
    """

    keep: int
    approved: frozenset[int]
    theirs: int | None
    served: int | None
    measured: tuple[int | None, ...]

    @property
    def best(self) -> int | None:
        known = [(self.measured[n - 1] or 0, n) for n in self.approved if self.measured[n - 1] is not None]
        return max(known)[1] if known else None

    @property
    def kept(self) -> set[int]:
        named = {number for number in (self.theirs, self.served, self.best) if number is not None}
        return {*range(7 - self.keep, 7), *self.approved} | named

    @property
    def aliases(self) -> dict[str, str]:
        every = {"newest": 6, "champion": self.best, "theirs": self.theirs}
        return {alias: str(number) for alias, number in every.items() if number is not None}

    def spec(self) -> dict[str, Any]:
        return {
            "retention": {"keepVersions": self.keep},
            "approval": {"policy": "Manual", "approvedVersions": [str(number) for number in sorted(self.approved)]},
            "aliases": {"champion": "BestBy", "newest": "Latest"},
            "bestBy": {"metric": "auc", "goal": "Maximize"},
        }


async def asked(wanted: Wanted) -> FakeWorld:
    """A world in which nothing of it is done yet."""
    world = await with_versions(0)
    for auc in wanted.measured:
        await registered(world, auc=auc)
    if wanted.theirs:
        await world.registry.set_alias(NAME, "theirs", str(wanted.theirs))
    if wanted.served:
        world.cluster.put(DEPLOYMENTS, serving(world, str(wanted.served)))
    world.cluster.put(MODELS, model(**wanted.spec()))
    return world


NUMBERS = st.integers(1, 6)
WANTED = st.builds(
    Wanted,
    keep=st.integers(1, 3),
    approved=st.frozensets(NUMBERS, max_size=2),
    theirs=st.none() | NUMBERS,
    served=st.none() | NUMBERS,
    measured=st.tuples(*[st.none() | st.integers(0, 2)] * 6),
)
CALLS = st.frozensets(st.integers(1, 40), max_size=8)


@settings(max_examples=100)
@given(wanted=WANTED, before=CALLS, after=CALLS)
async def test_killed_at_any_write_what_is_needed_stays_and_all_else_is_gone(
    wanted: Wanted, before: frozenset[int], after: frozenset[int]
) -> None:
    world = await asked(wanted)
    stored = packages(world)
    world.faults.calls, world.faults.before, world.faults.after = 0, before, after
    for _ in range(30):
        with suppress(Killed):
            await world.models.reconcile(KEY)
    assert numbers(world) == [str(number) for number in sorted(wanted.kept)]
    assert packages(world) == {place for place in stored if int(place.split(".")[0][2:]) in wanted.kept}
    assert world.registry.models[NAME].aliases == wanted.aliases
    writes = len(world.cluster.writes)
    assert await world.models.reconcile(KEY) == REST_SECONDS
    assert len(world.cluster.writes) == writes
