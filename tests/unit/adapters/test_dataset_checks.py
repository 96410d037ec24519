"""Looks at data sets as Jobs: what is asked of them, and what is read of them."""

import json
from typing import Any

from tests.fakes.cluster import FakeCluster

from millwright.adapters.dataset_checks import JobDatasetChecks
from millwright.adapters.jobs import JobSettings
from millwright.api.training_inputs import Dataset
from millwright.api.training_results import DatasetStatus
from millwright.api.training_run import TrainingRunSpec
from millwright.core.actions import CheckDatasets
from millwright.core.execution import Execution, ObjectKey, Phase
from millwright.ports import JOBS, PODS, Manifest

SPEC = TrainingRunSpec.model_validate({"pipeline": {"configMapRef": {"name": "p"}}, "output": {"model": "m"}})
URI, DIGEST = "s3://data/a.parquet", f"sha256:{'a' * 64}"
FIRST, SECOND = (Execution(ObjectKey("flights", "arr-delay"), "uid-1", "hash", attempt) for attempt in (1, 2))
SETTINGS = JobSettings("runner:1", "http://mlflow", "storage", {})


def request(execution: Execution, *known: DatasetStatus) -> CheckDatasets:
    return CheckDatasets(execution, (Dataset(name="a", uri=URI, digest=DIGEST),), known, SPEC)


def only_job(cluster: FakeCluster) -> Manifest:
    (job,) = (body for (plural, _, _), body in cluster.objects.items() if plural == JOBS.plural)
    return job


def asked(cluster: FakeCluster) -> Any:
    """What the runner is asked to look at."""
    command, option, text = only_job(cluster)["spec"]["template"]["spec"]["containers"][0]["args"]
    assert (command, option) == ("check", "--datasets")
    return json.loads(text)


async def ended(cluster: FakeCluster, how: str, **report: Any) -> None:
    """The Job has ended, and its pod has said so."""
    job = only_job(cluster)
    condition = {"type": how, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    job["status"] = {"conditions": [condition]}
    container = job["spec"]["template"]["spec"]["containers"][0]["name"]
    state = {"terminated": {"exitCode": 2, "message": json.dumps(report)}}
    metadata = {"name": "pod", "namespace": "flights"}
    metadata |= {"labels": {"batch.kubernetes.io/job-name": job["metadata"]["name"]}}  # type: ignore[dict-item]
    status = {"phase": "Failed", "containerStatuses": [{"name": container, "state": state}]}
    cluster.put(PODS, {"metadata": metadata, "status": status})


async def test_a_look_is_a_job_that_an_eviction_does_not_end_and_that_goes_by_itself() -> None:
    cluster = FakeCluster()
    await JobDatasetChecks(cluster, SETTINGS).start(request(FIRST))
    spec = only_job(cluster)["spec"]
    assert asked(cluster) == [{"name": "a", "uri": URI, "digest": DIGEST}]
    assert (spec["backoffLimit"], spec["ttlSecondsAfterFinished"]) == (0, 86400)
    assert spec["podFailurePolicy"]["rules"][0]["action"] == "Ignore"
    assert spec["template"]["spec"]["containers"][0]["envFrom"] == [{"secretRef": {"name": "storage"}}]
    assert len(only_job(cluster)["metadata"]["name"]) <= 63


async def test_the_runner_is_told_what_is_known_of_the_same_data() -> None:
    cluster = FakeCluster()
    known = DatasetStatus(name="a", uri=URI, etag="e", digest=DIGEST)
    await JobDatasetChecks(cluster, SETTINGS).start(request(FIRST, known))
    assert asked(cluster)[0]["known"] == {"etag": "e", "digest": DIGEST}
    cluster = FakeCluster()
    elsewhere = known.model_copy(update={"uri": "s3://data/b.parquet"})
    await JobDatasetChecks(cluster, SETTINGS).start(request(FIRST, elsewhere))
    assert "known" not in asked(cluster)[0]


async def test_what_the_runner_found_is_read() -> None:
    cluster = FakeCluster()
    checks = JobDatasetChecks(cluster, SETTINGS)
    await checks.start(request(FIRST))
    found = {"name": "a", "uri": URI, "etag": "e", "digest": DIGEST}
    told = {"outcome": "Rejected", "reason": "DatasetDigestMismatch", "message": "another", "datasets": [found]}
    await ended(cluster, "Failed", **told)
    check = await checks.find(FIRST)
    assert check is not None and check.cause is not None and check.ended is not None
    assert (check.phase, check.cause.reason, check.cause.final) == (Phase.FAILED, "DatasetDigestMismatch", True)
    assert check.found == (DatasetStatus.model_validate(found),)


async def test_a_look_of_another_attempt_is_none_and_makes_room() -> None:
    cluster = FakeCluster()
    checks = JobDatasetChecks(cluster, SETTINGS)
    await checks.start(request(FIRST))
    assert await checks.find(SECOND) is None
    for _ in range(2):
        await checks.start(request(SECOND))
    assert await checks.find(SECOND) is not None
    assert await checks.find(FIRST) is None
    await checks.stop(SECOND)
    assert await checks.find(SECOND) is None
