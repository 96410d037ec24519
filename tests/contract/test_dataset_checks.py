"""Looks at data sets: the fake, and Jobs of a real cluster that read the S3 gateway of the install."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import boto3
import pytest
from demo.kube import RELEASE_NAMESPACE, secret, service_address
from tests.contract.kube import kubectl
from tests.contract.waiting import until
from tests.fakes.dataset_checks import FakeDatasetChecks
from tests.fakes.objects import FakeObjects

from millwright.adapters.dataset_checks import JobDatasetChecks
from millwright.adapters.jobs import JobSettings
from millwright.adapters.kubernetes import KubernetesCluster
from millwright.api.training_inputs import Dataset
from millwright.api.training_run import TrainingRunSpec
from millwright.core.actions import CheckDatasets
from millwright.core.execution import DatasetCheck, Execution, ObjectKey, Phase
from millwright.ports import TRAINING_RUNS, DatasetChecks

INSTALLED, SECRET = "millwright-storage", "contract-datasets"
SETTINGS = JobSettings(
    image="millwright.local/runner:dev",
    tracking_uri="http://millwright-mlflow.millwright.svc",
    storage_secret=SECRET,
    resources={"requests": {"cpu": "100m", "memory": "128Mi"}},
)
SPEC = TrainingRunSpec.model_validate(
    {"pipeline": {"configMapRef": {"name": "absent"}}, "output": {"model": "absent"}, "suspend": True}
)
CONTENT = b"flights of January"
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
OTHER = f"sha256:{'0' * 64}"


@dataclass
class Place:
    """Where looks are made, and data is put. `namespace`: None for the fake."""

    namespace: str | None
    bucket: str = field(default_factory=lambda: f"contract-{uuid4().hex[:8]}")
    objects: FakeObjects = field(default_factory=FakeObjects)

    def put(self, name: str, content: bytes) -> str:
        """Stores an object; gives its URI."""
        uri = f"s3://{self.bucket}/{name}"
        self.objects.contents[uri] = content
        if self.namespace:
            self._client().put_object(Bucket=self.bucket, Key=name, Body=content)
        return uri

    def prepare(self) -> None:
        """The bucket, and the Secret with which pods of the namespace reach it."""
        if self.namespace is None:
            return
        self._client().create_bucket(Bucket=self.bucket)
        words = [f"--from-literal={key}={value}" for key, value in secret(INSTALLED, RELEASE_NAMESPACE).items()]
        kubectl("create", "secret", "generic", SECRET, "-n", self.namespace, *words)

    def clear(self) -> None:
        """Takes the bucket away."""
        if self.namespace is None:
            return
        client = self._client()
        for entry in client.list_objects_v2(Bucket=self.bucket).get("Contents", []):
            client.delete_object(Bucket=self.bucket, Key=entry["Key"])
        client.delete_bucket(Bucket=self.bucket)

    def _client(self) -> Any:
        keys = secret(INSTALLED, RELEASE_NAMESPACE)
        return boto3.client(
            "s3",
            endpoint_url=f"http://{service_address('millwright-storage', RELEASE_NAMESPACE)}:7070",
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            region_name=keys["AWS_DEFAULT_REGION"],
        )

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[DatasetChecks]:
        """The port."""
        if self.namespace is None:
            yield FakeDatasetChecks(self.objects)
            return
        cluster = await KubernetesCluster.connect()
        yield JobDatasetChecks(cluster, SETTINGS)
        await cluster.close()

    async def execution(self) -> Execution:
        """Of a TrainingRun that nobody runs, and that owns the Jobs."""
        name, uid = f"look-{uuid4().hex[:8]}", "uid"
        if self.namespace:
            cluster = await KubernetesCluster.connect()
            metadata = {"name": name, "namespace": self.namespace}
            manifest = {"apiVersion": TRAINING_RUNS.api_version, "kind": "TrainingRun", "metadata": metadata}
            await cluster.create(TRAINING_RUNS, manifest | {"spec": SPEC.manifest()})
            uid = (await cluster.get(TRAINING_RUNS, self.namespace, name) or {})["metadata"]["uid"]
            await cluster.close()
        return Execution(ObjectKey(self.namespace or "flights", name), uid, "hash", 1)


@pytest.fixture(params=["fake", "real"], scope="module")
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    made = Place(None if request.param == "fake" else request.getfixturevalue("namespace"))
    made.prepare()
    yield made
    made.clear()


@pytest.fixture
async def port(place: Place) -> AsyncIterator[DatasetChecks]:
    async with place.connected() as connected:
        yield connected


def look(execution: Execution, uri: str, digest: str | None = None) -> CheckDatasets:
    return CheckDatasets(execution, (Dataset(name="flights", uri=uri, digest=digest),), (), SPEC)


async def ended(port: DatasetChecks, request: CheckDatasets) -> DatasetCheck:
    """The look when it is over; begun as often as it takes."""

    async def over() -> DatasetCheck | None:
        check = await port.find(request.execution)
        if check is None:
            await port.start(request)
        return check if check and not check.ending and check.phase in (Phase.SUCCEEDED, Phase.FAILED) else None

    return await until(over, f"the end of the look of {request.execution.key}", 120)


async def test_data_that_is_as_it_should_be_is_found_and_stays_found(place: Place, port: DatasetChecks) -> None:
    execution, uri = await place.execution(), place.put("right", CONTENT)
    assert await port.find(execution) is None
    check = await ended(port, look(execution, uri, DIGEST))
    assert (check.phase, check.cause) == (Phase.SUCCEEDED, None)
    (found,) = check.found
    assert (found.name, found.uri, found.digest) == ("flights", uri, DIGEST) and found.etag
    await port.start(look(execution, uri, OTHER))
    assert await port.find(execution) == check, "one of the same execution is left as it is"


async def test_another_digest_is_final_and_the_real_one_is_told(place: Place, port: DatasetChecks) -> None:
    check = await ended(port, look(await place.execution(), place.put("wrong", CONTENT), OTHER))
    assert check.phase is Phase.FAILED and check.cause is not None and check.ended is not None
    assert (check.cause.reason, check.cause.final) == ("DatasetDigestMismatch", True)
    assert [found.digest for found in check.found] == [DIGEST]


async def test_missing_data_is_not_final(place: Place, port: DatasetChecks) -> None:
    check = await ended(port, look(await place.execution(), f"s3://{place.bucket}/absent", DIGEST))
    assert check.phase is Phase.FAILED and check.cause is not None
    assert (check.cause.reason, check.cause.final, check.found) == ("DatasetNotFound", False, ())
    assert f"s3://{place.bucket}/absent" in check.cause.message


async def test_a_look_of_another_attempt_takes_its_place_and_a_stopped_one_is_gone(
    place: Place, port: DatasetChecks
) -> None:
    first, uri = await place.execution(), place.put("again", CONTENT)
    await ended(port, look(first, uri))
    second = Execution(first.run, first.uid, first.spec_hash, 2)
    assert await port.find(second) is None
    assert (await ended(port, look(second, uri))).phase is Phase.SUCCEEDED
    assert await port.find(first) is None
    for _ in range(2):
        await port.stop(second)

    async def gone() -> bool:
        return await port.find(second) is None

    assert await until(gone, "the look to be gone")
