"""Registry: the fake, and MLflow's own server."""

import dataclasses
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from tests.contract.processes import free_port
from tests.contract.registry_drivers import PACKAGE, TASKS, Driver, FakeDriver, MlflowDriver

from millwright.adapters.mlflow import MlflowRegistry
from millwright.api.gates import MAX_GATES, MAX_GATES_OF_A_SCENARIO, MAX_SCENARIOS
from millwright.core import records, verdicts
from millwright.core.execution import Original, TrackedRun
from millwright.core.gates import Verdict
from millwright.core.registry import VersionName
from millwright.ports import DependencyError, Registry, RejectedError


@pytest.fixture(params=["fake", "real"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of a real server; none for the fake."""
    return None if request.param == "fake" else str(request.getfixturevalue("mlflow_url"))


@pytest.fixture
async def driver(url: str | None) -> AsyncIterator[Driver]:
    made: Driver = MlflowDriver(url) if url else FakeDriver()
    yield made
    await made.close()


@pytest.fixture
def registry(driver: Driver) -> Registry:
    return driver.registry


@pytest.fixture
def name() -> str:
    """Of an experiment or a registered model that no other test knows."""
    return f"flights.{uuid4().hex[:8]}"


async def opened(registry: Registry, experiment: str, key: str = "k-1", **tags: str) -> TrackedRun:
    run_id = await registry.open_run(experiment, key, {f"millwright.{tag}": value for tag, value in tags.items()})
    run = await registry.find_run(experiment, key)
    assert run is not None and run.id == run_id
    return run


async def registered(registry: Registry, name: str, **tags: str) -> str:
    """Registers a version and gives its run."""
    await registry.ensure_model(name, "", {})
    run = await opened(registry, name, f"k-{uuid4().hex[:8]}")
    await registry.register(name, run.id, dataclasses.replace(PACKAGE, model_id=None), tags)
    return run.id


async def test_a_run_is_found_by_its_key_and_in_its_experiment_only(registry: Registry, name: str) -> None:
    assert await registry.find_run(name, "k-1") is None
    run = await opened(registry, name, "k-1")
    other = await opened(registry, f"{name}-other", "k-2")
    assert run.status == "RUNNING"
    assert (await registry.find_run(name, "k-1")) == run
    assert await registry.find_run(name, "k-2") is None
    assert await registry.find_run(f"{name}-other", "k-1") is None
    assert other.id != run.id


async def test_a_run_tells_what_it_was_tagged_with_last(registry: Registry, driver: Driver, name: str) -> None:
    run = await opened(registry, name, "k-1", **{"pipeline.digest": "sha256:1", "replayOf": "arr-delay/arr-delay-1"})
    assert (run.pipeline_digest, run.replay_of) == ("sha256:1", Original("arr-delay", "arr-delay-1"))
    assert run.upstream == {}
    told = {"millwright.pipeline.digest": "sha256:2", "millwright.upstream.features": "3"}
    await registry.tag_run(run.id, told | {"millwright.platform": "x" * 300})
    found = await registry.find_run(name, "k-1")
    assert found is not None and (found.pipeline_digest, found.replay_of) == ("sha256:2", run.replay_of)
    assert found.upstream == {"features": "3"}
    assert (await driver.tags(run.id))["millwright.platform"] == "x" * 300


async def test_the_longest_tag_that_is_written_is_kept_whole(registry: Registry, driver: Driver, name: str) -> None:
    longest = "x" * records.MOST_TAG_CHARACTERS
    run = await opened(registry, name, "k-1", arguments=longest)
    assert (await driver.tags(run.id))["millwright.arguments"] == longest


async def test_only_executions_whose_run_has_not_ended_are_open(registry: Registry, name: str) -> None:
    assert list(await registry.open_executions(name)) == []
    ended = await opened(registry, name, "k-1")
    await opened(registry, name, "k-2")
    await opened(registry, f"{name}-other", "k-3")
    await registry.close_run(ended.id, "FINISHED")
    assert list(await registry.open_executions(name)) == ["k-2"]


async def test_a_run_opens_with_its_tags_and_its_key(driver: Driver, name: str) -> None:
    run = await opened(driver.registry, name, "k-1", model="arr-delay")
    tags = await driver.tags(run.id)
    assert tags["millwright.model"] == "arr-delay"
    assert tags["millwright.execution"] == "k-1"


async def test_metrics_tasks_and_package_come_back(driver: Driver, name: str) -> None:
    run = await opened(driver.registry, name)
    assert (run.metrics, run.tasks, run.package) == ({}, (), None)
    await driver.log("k-1", run.id)
    found = await driver.registry.find_run(name, "k-1")
    assert found is not None
    assert (found.metrics, found.tasks, found.package) == ({"roc_auc": 0.75}, TASKS, PACKAGE)


async def test_metrics_of_a_run_are_found_by_its_id_also_when_it_has_ended(driver: Driver, name: str) -> None:
    run = await opened(driver.registry, name)
    assert await driver.registry.metrics(run.id) == {}
    await driver.log("k-1", run.id)
    await driver.registry.close_run(run.id, "FINISHED")
    assert await driver.registry.metrics(run.id) == {"roc_auc": 0.75}


@pytest.mark.parametrize("run_id", ["", "0" * 32])
async def test_a_run_that_is_not_there_has_no_metrics(registry: Registry, run_id: str) -> None:
    assert await registry.metrics(run_id) is None


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
async def test_a_closed_run_keeps_its_status_however_often_it_is_closed(
    registry: Registry, name: str, status: str
) -> None:
    run = await opened(registry, name)
    await registry.close_run(run.id, status)
    await registry.close_run(run.id, status)
    found = await registry.find_run(name, "k-1")
    assert found is not None and found.status == status


async def test_a_model_that_is_absent_is_none_and_has_no_versions(registry: Registry, name: str) -> None:
    assert await registry.find_model(name) is None
    assert list(await registry.versions(name)) == []


async def test_models_that_were_made_for_a_model_are_listed_as_they_are_found(registry: Registry, name: str) -> None:
    await registry.ensure_model(name, "of ours", {"millwright.model": "arr-delay", "owner": "a"})
    await registry.ensure_model(f"{name}-other", "of somebody else", {})
    await registered(registry, name)
    await registry.set_alias(name, "champion", "1")
    listed = {model.name: model for model in await registry.list_models()}
    assert listed[name] == await registry.find_model(name)
    assert f"{name}-other" not in listed


async def test_a_model_that_gets_or_loses_a_version_is_listed_otherwise_than_before(
    registry: Registry, name: str
) -> None:
    await registry.ensure_model(name, "", {"millwright.model": "arr-delay"})
    without = await registry.find_model(name)
    await registry.register(name, (await opened(registry, name)).id, dataclasses.replace(PACKAGE, model_id=None), {})
    one = await registry.find_model(name)
    await registry.delete_version(name, "1")
    listed = await registry.list_models()
    assert without not in listed and one not in listed
    assert await registry.find_model(name) in listed


async def test_a_model_made_twice_says_what_was_said_last_and_keeps_its_aliases(registry: Registry, name: str) -> None:
    await registered(registry, name)
    await registry.set_alias(name, "champion", "1")
    await registry.ensure_model(name, "first", {"owner": "a", "team": "flights"})
    await registry.ensure_model(name, "second", {"owner": "b"})
    model = await registry.find_model(name)
    assert model is not None
    assert model.description == "second"
    assert model.tags == {"owner": "b", "team": "flights"}
    assert model.aliases == {"champion": "1"}


async def test_versions_count_from_one_with_their_tags_and_runs(registry: Registry, name: str) -> None:
    first = await registered(registry, name, **{"millwright.execution": "k-1", "millwright.gates": "Passed"})
    second = await registered(registry, name)
    found = {version.number: version for version in await registry.versions(name)}
    assert {number: version.run_id for number, version in found.items()} == {"1": first, "2": second}
    assert found["1"].tags == {"millwright.execution": "k-1", "millwright.gates": "Passed"}
    assert found["1"].passed and not found["2"].passed


async def test_the_longest_verdicts_are_kept_whole(registry: Registry, name: str) -> None:
    longest = Verdict(True, "Passed", "x" * verdicts.MAX_MESSAGE, "night")
    tag = verdicts.tag([longest] * (MAX_GATES + MAX_SCENARIOS * MAX_GATES_OF_A_SCENARIO))
    await registered(registry, name, **{verdicts.TAG: tag})
    (version,) = await registry.versions(name)
    assert version.tags[verdicts.TAG] == tag


async def test_the_version_of_an_execution_is_the_oldest_with_its_key(registry: Registry, name: str) -> None:
    for key in ("k-1", "k-2", "k-1"):
        await registered(registry, name, **{"millwright.execution": key, "millwright.format": key})
    await registered(registry, f"{name}-other", **{"millwright.execution": "k-3"})
    found = [await registry.version_of(name, key) for key in ("k-1", "k-2", "k-3")]
    assert [(it.number, it.tags["millwright.format"]) if it else None for it in found] == [
        ("1", "k-1"),
        ("2", "k-2"),
        None,
    ]
    assert await registry.version_of("flights.absent", "k-1") is None


async def test_versions_of_one_model_are_not_those_of_a_similar_name(registry: Registry, name: str) -> None:
    await registered(registry, f"{name}-2")
    await registry.ensure_model(name, "", {})
    assert list(await registry.versions(name)) == []


async def test_a_version_of_a_model_that_is_missing_is_rejected(registry: Registry, name: str) -> None:
    run = await opened(registry, name)
    with pytest.raises(RejectedError):
        await registry.register(name, run.id, dataclasses.replace(PACKAGE, model_id=None), {})


async def test_an_alias_is_set_moved_and_deleted(registry: Registry, name: str) -> None:
    await registered(registry, name)
    await registered(registry, name)
    for version in ("1", "2", "2"):
        await registry.set_alias(name, "champion", version)
        model = await registry.find_model(name)
        assert model is not None and model.aliases == {"champion": version}
    await registry.delete_alias(name, "champion")
    await registry.delete_alias(name, "champion")
    model = await registry.find_model(name)
    assert model is not None and model.aliases == {}


async def test_an_alias_of_a_model_or_a_version_that_is_missing_is_rejected(registry: Registry, name: str) -> None:
    with pytest.raises(RejectedError):
        await registry.set_alias(name, "champion", "1")
    await registry.ensure_model(name, "", {})
    with pytest.raises(RejectedError):
        await registry.set_alias(name, "champion", "1")


async def test_an_alias_of_an_absent_model_is_absent(registry: Registry, name: str) -> None:
    await registry.delete_alias(name, "champion")


async def test_a_deleted_version_is_gone_with_its_aliases_and_its_number(registry: Registry, name: str) -> None:
    for _ in range(3):
        await registered(registry, name)
    for alias, version in (("champion", "3"), ("old", "2")):
        await registry.set_alias(name, alias, version)
    for _ in range(2):
        await registry.delete_version(name, "3")
    model = await registry.find_model(name)
    assert model is not None and model.aliases == {"old": "2"}
    await registered(registry, name)
    assert sorted(version.number for version in await registry.versions(name)) == ["1", "2", "4"]


async def test_a_deleted_model_is_gone_with_its_versions_and_can_be_made_again(registry: Registry, name: str) -> None:
    await registered(registry, name)
    await registry.set_alias(name, "champion", "1")
    for _ in range(2):
        await registry.delete_model(name)
    assert await registry.find_model(name) is None
    assert list(await registry.versions(name)) == []
    await registered(registry, name)
    model = await registry.find_model(name)
    assert model is not None and model.aliases == {}
    assert [version.number for version in await registry.versions(name)] == ["1"]


async def test_what_there_is_not_of_a_model_or_a_version_cannot_be_deleted_and_that_is_fine(
    registry: Registry, name: str
) -> None:
    await registry.delete_version(name, "1")
    await registry.ensure_model(name, "", {})
    await registry.delete_version(name, "1")
    assert await registry.find_model(name) is not None


async def test_the_versions_of_a_package_are_found_in_every_model(registry: Registry, name: str) -> None:
    package = f"s3://models/{name}/arr-delay/k-1"
    assert list(await registry.versions_of_package(package)) == []
    await registered(registry, name, **{"millwright.package": package})
    await registered(registry, name, **{"millwright.package": f"{package}0"})
    await registered(registry, f"{name}-promoted", **{"millwright.package": package})
    found = [VersionName(name, "1"), VersionName(f"{name}-promoted", "1")]
    assert sorted(await registry.versions_of_package(package), key=str) == found
    await registry.delete_version(name, "1")
    assert list(await registry.versions_of_package(package)) == found[1:]


async def test_a_server_that_is_down_is_a_dependency_to_be_waited_for() -> None:
    registry = MlflowRegistry(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(DependencyError) as failure:
        await registry.find_model("flights.arr-delay")
    assert failure.value.dependency == "mlflow"
    await registry.close()
