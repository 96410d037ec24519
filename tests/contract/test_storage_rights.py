"""S3 of one's own: nobody needs the root key, and a namespace's key opens that namespace's packages alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.contract import s3_rights
from tests.contract.s3_rights import Environment
from tests.contract.s3_server import s3_server
from tests.contract.test_object_storage import use
from tests.serving import packages

from millwright.adapters import s3 as s3_adapter
from millwright.adapters.s3 import S3Objects
from millwright.ports import DependencyError
from millwright_runner.destinations import at
from millwright_runner.outcome import Failed
from millwright_serving.download import fetch, verified_manifest
from millwright_serving.package import PackageError

PACKAGE = "s3://models/flights/arr-delay/k-1"


@dataclass(frozen=True)
class Users:
    """Storage Secrets: of two namespaces, and of the operator."""

    flights: Environment
    wine: Environment
    operator: Environment


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Users]:
    """Of a gateway whose bucket of packages has a policy."""
    with s3_server(tmp_path_factory.mktemp("s3"), with_users=True) as root:
        made = Users(*(s3_rights.user(root, name) for name in ("flights", "wine", "operator")))
        s3_rights.bucket(
            root,
            "models",
            *s3_rights.of_a_namespace(made.flights, "models", "flights"),
            *s3_rights.of_a_namespace(made.wine, "models", "wine"),
            *s3_rights.of_the_operator(made.operator, "models"),
        )
        yield made


def test_a_namespace_stores_and_serves_its_own_packages_and_sees_no_other_s(
    users: Users, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, _ = packages.onnx_package(tmp_path / "built")
    use(monkeypatch, users.flights)
    assert at(PACKAGE).manifest() is None
    at(PACKAGE).store(tmp_path / "built")
    assert verified_manifest(fetch(PACKAGE, tmp_path / "own"), manifest.digest) == manifest
    use(monkeypatch, users.wine)
    with pytest.raises(PackageError, match="Access Denied"):
        fetch(PACKAGE, tmp_path / "other")
    with pytest.raises(Failed):
        at(PACKAGE).store(tmp_path / "built")


async def test_the_operator_reads_copies_and_no_model(
    users: Users, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "replay.json").write_text("{}")
    use(monkeypatch, users.flights)
    for place in (f"{PACKAGE}.replay", PACKAGE):
        at(place).store(tmp_path)
    use(monkeypatch, users.operator)
    s3_adapter._client.cache_clear()
    reader = S3Objects(("s3://models/flights",))
    assert await reader.get(f"{PACKAGE}.replay/replay.json", 100) == b"{}"
    assert await reader.get(f"{PACKAGE}.replay/pipeline.yaml", 100) is None
    with pytest.raises(DependencyError, match="credentials are refused"):
        await reader.get(f"{PACKAGE}/replay.json", 100)
    s3_adapter._client.cache_clear()
    with pytest.raises(Failed):
        at(f"{PACKAGE}.replay").store(tmp_path)
