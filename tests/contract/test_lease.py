"""Lease: the fake, and a real API server."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from tests.contract.kube import kubectl
from tests.fakes.lease import FakeLease

from millwright.adapters.kubernetes import KubernetesCluster
from millwright.adapters.lease import KubernetesLease
from millwright.core.leadership import LeaseRecord, given_back
from millwright.ports import DependencyError, Lease, RejectedError

MINE, THEIRS = LeaseRecord("me", 12, 0), LeaseRecord("them", 30, 1)
REFUSED = (DependencyError, RejectedError)


@pytest.fixture
def name() -> str:
    return f"lease-{uuid4().hex[:8]}"


@pytest.fixture
async def real(namespace: str, name: str) -> AsyncIterator[Lease]:
    cluster = await KubernetesCluster.connect()
    yield KubernetesLease(cluster.api, namespace, name)
    await cluster.close()


@pytest.fixture(params=["fake", "real"])
def lease(request: pytest.FixtureRequest) -> Lease:
    made: Lease = FakeLease() if request.param == "fake" else request.getfixturevalue("real")
    return made


def content(record: LeaseRecord | None) -> tuple[str, int, int] | None:
    """Without the version."""
    return (record.holder, record.seconds, record.transitions) if record else None


async def test_what_was_written_is_read_with_the_version_that_writing_told(lease: Lease) -> None:
    assert await lease.read() is None
    written = await lease.write(MINE, over=None)
    assert content(written) == content(MINE)
    assert await lease.read() == written


async def test_each_write_is_another_version_also_of_the_same(lease: Lease) -> None:
    first = await lease.write(MINE, over=None)
    second = await lease.write(MINE, over=first)
    assert content(second) == content(first)
    assert second.version != first.version


async def test_of_two_that_make_it_one_does(lease: Lease) -> None:
    first = await lease.write(MINE, over=None)
    with pytest.raises(REFUSED):
        await lease.write(THEIRS, over=None)
    assert await lease.read() == first


async def test_of_two_that_write_over_the_same_one_does(lease: Lease) -> None:
    there = await lease.write(MINE, over=None)
    theirs = await lease.write(THEIRS, over=there)
    with pytest.raises(REFUSED):
        await lease.write(MINE, over=there)
    assert await lease.read() == theirs
    assert content(theirs) == content(THEIRS)


async def test_given_back_it_has_no_holder_and_may_be_taken(lease: Lease) -> None:
    mine = await lease.write(MINE, over=None)
    await lease.write(given_back(mine), over=mine)
    there = await lease.read()
    assert there is not None and there.released
    assert content(await lease.write(THEIRS, over=there)) == content(THEIRS)


async def test_one_that_was_deleted_is_none_and_nobody_writes_over_it(real: Lease, namespace: str, name: str) -> None:
    there = await real.write(MINE, over=None)
    assert kubectl("delete", "lease", name, "-n", namespace).returncode == 0
    assert await real.read() is None
    with pytest.raises(REFUSED):
        await real.write(MINE, over=there)


async def test_one_that_somebody_emptied_was_not_given_back(real: Lease, namespace: str, name: str) -> None:
    await real.write(MINE, over=None)
    patch = '[{"op": "remove", "path": "/spec"}]'
    assert kubectl("patch", "lease", name, "-n", namespace, "--type=json", "-p", patch).returncode == 0
    there = await real.read()
    assert there is not None and not there.holder and not there.released


async def test_people_read_in_it_when_it_was_renewed(real: Lease, namespace: str, name: str) -> None:
    await real.write(MINE, over=None)
    renewed = kubectl("get", "lease", name, "-n", namespace, "-o", "jsonpath={.spec.renewTime}").stdout
    assert renewed.endswith("Z")
