"""Packaging Jobs: what they are asked to do, whose they are, and how they are found again."""

from typing import Any

import pytest
from tests.fakes.cluster import FakeCluster

from millwright.adapters.jobs import JobSettings
from millwright.adapters.packaging import JobPackaging
from millwright.api.model_import import ModelImport
from millwright.api.training_run import TrainingRunSpec
from millwright.core.actions import ImportModel, PackageModel
from millwright.core.execution import Cause, Execution, ObjectKey, PackagingRun, Phase
from millwright.core.imports import Import
from millwright.core.training_state import ModelTarget
from millwright.ports import JOBS, PODS, Manifest

SETTINGS = JobSettings("runner:1", "http://mlflow", "storage", {"requests": {"cpu": "1"}})
EXECUTION = Execution(ObjectKey("flights", "arr-delay"), "uid-1", "hash", 1)
SPEC = TrainingRunSpec.model_validate({"pipeline": {"configMapRef": {"name": "p"}}, "output": {"model": "delays"}})
TRAINED = PackageModel(EXECUTION, "run-1", ModelTarget("flights.delays"), SPEC)
DIGEST = "sha256:" + "0" * 64


def foreign(allow_pickle: bool = False, **source: Any) -> ImportModel:
    spec = ModelImport.model_validate({"uri": "s3://theirs/model.onnx", "format": "onnx"} | source)
    return ImportModel(Import(ObjectKey("flights", "delays"), "uid-2", "flights.delays", spec, allow_pickle), "run-2")


async def started(request: PackageModel | ImportModel) -> Manifest:
    """The Job that it becomes."""
    cluster = FakeCluster()
    await JobPackaging(cluster, SETTINGS, "s3://models/").start(request)
    (job,) = await cluster.list(JOBS, "flights")
    return job


def container(job: Manifest) -> Manifest:
    (found,) = job["spec"]["template"]["spec"]["containers"]
    return dict(found)


def variables(job: Manifest) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(job)["env"]}


def ended_pod(job: str, phase: str, exit_code: int, words: str = "") -> Manifest:
    """The pod of an import's Job, whose container has ended."""
    ended = {"name": "import", "state": {"terminated": {"exitCode": exit_code, "message": words}}}
    metadata = {"name": "pod", "namespace": "flights", "labels": {"batch.kubernetes.io/job-name": job}}
    return {"metadata": metadata, "spec": {}, "status": {"phase": phase, "containerStatuses": [ended]}}


async def test_what_an_execution_logged_is_packaged_with_its_copy() -> None:
    job, key = await started(TRAINED), EXECUTION.key
    place = f"s3://models/flights/delays/{key}"
    assert container(job)["args"] == ["package", "--destination", place, "--copy", "/etc/millwright"]
    assert variables(job)["MLFLOW_RUN_ID"] == "run-1"
    assert job["metadata"]["ownerReferences"][0]["kind"] == "TrainingRun"
    assert job["metadata"]["labels"]["millwright.dev/training-run"] == "arr-delay"
    assert job["spec"]["template"]["spec"]["volumes"][-1]["configMap"] == {"name": key, "optional": True}


async def test_an_import_is_its_models() -> None:
    request = foreign(digest=DIGEST)
    job, key = await started(request), request.wanted.key
    place = f"s3://models/flights/delays/{key}"
    source = ["--source", "s3://theirs/model.onnx", "--format", "onnx", "--digest", DIGEST]
    assert container(job)["args"] == ["import", "--destination", place, *source]
    owner = job["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Model", "delays", "uid-2")
    assert {name: value for name, value in job["metadata"]["labels"].items() if "millwright.dev" in name} == {
        "millwright.dev/execution": key,
        "millwright.dev/model": "delays",
        "millwright.dev/step": "import",
    }
    assert variables(job)["MLFLOW_RUN_ID"] == "run-2"
    assert variables(job)["MLFLOW_EXPERIMENT_NAME"] == "flights/delays/import"
    assert container(job)["envFrom"] == [{"secretRef": {"name": "storage"}}]


async def test_an_import_says_what_it_is_compared_with_and_who_reads() -> None:
    sample = {"uri": "s3://theirs/sample.json", "digest": DIGEST}
    request = foreign(True, sample=sample, storage={"secretRef": "theirs"}, serviceAccountName="reader")
    job = await started(request)
    assert container(job)["args"][3:] == [
        *("--allow-pickle", "--source", "s3://theirs/model.onnx", "--format", "onnx"),
        *("--sample", "s3://theirs/sample.json", "--sample-digest", DIGEST),
    ]
    assert container(job)["envFrom"] == [{"secretRef": {"name": "theirs"}}]
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "reader"


@pytest.mark.parametrize("request_", [TRAINED, foreign()], ids=["trained", "imported"])
async def test_packaging_is_found_by_its_key_until_it_is_stopped(request_: PackageModel | ImportModel) -> None:
    cluster = FakeCluster()
    packaging = JobPackaging(cluster, SETTINGS, "s3://models")
    key = request_.execution.key if isinstance(request_, PackageModel) else request_.wanted.key
    assert await packaging.find("flights", key) is None
    for _ in range(2):
        await packaging.start(request_)
    words = "waiting for the Job controller to make the pod"
    assert await packaging.find("flights", key) == PackagingRun(Phase.PENDING, waiting_for=words)
    for _ in range(2):
        await packaging.stop("flights", key)
    assert await packaging.find("flights", key) is None
    assert [verb for verb, plural, _ in cluster.writes if plural == JOBS.plural] == ["create", "delete"]


@pytest.mark.parametrize(
    ("exit_code", "phase"),
    [(0, Phase.SUCCEEDED), pytest.param(1, Phase.RUNNING, id="whether it is tried again, the Job says")],
)
async def test_a_container_that_has_ended_well_is_enough_before_the_job_says_so(exit_code: int, phase: Phase) -> None:
    cluster, request = FakeCluster(), foreign()
    packaging = JobPackaging(cluster, SETTINGS, "s3://models")
    await packaging.start(request)
    cluster.put(PODS, ended_pod(f"{request.wanted.key}-package", "Running", exit_code))
    found = await packaging.find("flights", request.wanted.key)
    assert found is not None and found.phase is phase


async def test_a_failure_is_told_in_the_runners_own_words() -> None:
    cluster, request = FakeCluster(), foreign()
    packaging, name = JobPackaging(cluster, SETTINGS, "s3://models"), f"{request.wanted.key}-package"
    await packaging.start(request)
    (job,) = await cluster.list(JOBS, "flights")
    cluster.put(JOBS, job | {"status": {"conditions": [{"type": "Failed", "status": "True"}]}})
    said = '{"outcome": "Rejected", "reason": "DigestMismatch", "message": "another digest."}'
    cluster.put(PODS, ended_pod(name, "Failed", 2, said))
    found = await packaging.find("flights", request.wanted.key)
    cause = Cause("DigestMismatch", "another digest.", pod_name="pod", exit_code=2, final=True)
    assert found == PackagingRun(Phase.FAILED, cause)
