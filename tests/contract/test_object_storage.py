"""Packages and data in S3, by the gateway that the chart installs: what the runner stores, the server takes."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.cluster.settings import ROOT
from tests.contract.mlflow_server import runner_python
from tests.contract.processes import free_port
from tests.contract.s3_server import s3_server
from tests.serving import packages

from millwright.adapters import s3 as s3_adapter
from millwright.adapters.s3 import S3Objects
from millwright.core import records
from millwright.ports import RejectedError
from millwright_runner.destinations import at
from millwright_runner.fetching import Place, fetch_file, fetch_folder
from millwright_runner.outcome import Failed, Rejected
from millwright_serving.download import fetch, verified_manifest
from millwright_serving.log_files import sink
from millwright_serving.package import DigestMismatch, Manifest, PackageError

BUCKET, PREFIX = "models", "flights/arr-delay/k-1"
PACKAGE = f"s3://{BUCKET}/{PREFIX}"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a gateway; the buckets are each test's own."""
    with s3_server(tmp_path_factory.mktemp("s3")) as environment:
        yield environment


@pytest.fixture
def secret(gateway: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """This process's environment is that of a pod with the storage Secret."""
    use(monkeypatch, gateway)
    return gateway


@pytest.fixture
def s3(secret: dict[str, str]) -> Iterator[Any]:
    """A client, with an empty bucket for packages."""
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for key in keys(client):
        client.delete_object(Bucket=BUCKET, Key=key)
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def built(tmp_path: Path) -> tuple[Path, Manifest]:
    """A package, as packaging leaves it in a folder."""
    manifest, _ = packages.onnx_package(tmp_path / "built")
    return tmp_path / "built", manifest


Built = tuple[Path, Manifest]


def use(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """boto3 keeps the credentials that it saw first; a pod sees only one Secret."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def keys(client: Any, bucket: str = BUCKET) -> list[str]:
    """All keys of a bucket, sorted."""
    return sorted(entry["Key"] for entry in client.list_objects_v2(Bucket=bucket).get("Contents", []))


def stored(s3: Any, built: Built) -> Manifest:
    """The package, in the bucket."""
    at(PACKAGE).store(built[0])
    return built[1]


def test_what_the_runner_stores_the_server_takes(s3: Any, built: Built, tmp_path: Path) -> None:
    manifest = stored(s3, built)
    here = fetch(PACKAGE, tmp_path / "models")
    assert verified_manifest(here, manifest.digest) == manifest
    names = ("manifest.json", "model.onnx", "sample.json")
    assert keys(s3) == [f"{PREFIX}/{name}" for name in names]
    assert [(here / name).read_bytes() for name in names] == [(built[0] / name).read_bytes() for name in names]


def test_a_package_keeps_the_folders_that_it_has(s3: Any, tmp_path: Path) -> None:
    folder = tmp_path / "built"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "theirs.py").write_text("theirs = 1")
    manifest = packages.write(folder, "mlflow", b"flavors: {}", packages.BY_MATRIX, None)
    stored(s3, (folder, manifest))
    assert keys(s3) == [f"{PREFIX}/{name}" for name in ("MLmodel", "code/theirs.py", "manifest.json")]
    assert verified_manifest(fetch(PACKAGE, tmp_path / "models"), manifest.digest) == manifest


@pytest.fixture
def reader() -> Iterator[S3Objects]:
    """The operator's, for packages of namespace flights; its client is of this test's environment."""
    s3_adapter._client.cache_clear()
    yield S3Objects((f"s3://{BUCKET}/flights",))
    s3_adapter._client.cache_clear()


async def test_the_operator_reads_the_copy_that_the_runner_stored(s3: Any, reader: S3Objects, tmp_path: Path) -> None:
    (tmp_path / "replay.json").write_text("{}")
    at(records.beside(PACKAGE)).store(tmp_path)
    assert await reader.get(f"{PACKAGE}.replay/replay.json", 100) == b"{}"
    assert await reader.get(f"{PACKAGE}.replay/pipeline.yaml", 100) is None
    with pytest.raises(RejectedError, match="larger than 1 bytes"):
        await reader.get(f"{PACKAGE}.replay/replay.json", 1)


async def test_the_operator_reads_nothing_of_another_namespace(s3: Any, reader: S3Objects) -> None:
    s3.put_object(Bucket=BUCKET, Key="other/secret.json", Body=b"secret")
    for uri in (f"s3://{BUCKET}/other/secret.json", f"s3://{BUCKET}/flights/../other/secret.json"):
        with pytest.raises(RejectedError, match="may be read here"):
            await reader.get(uri, 100)


async def test_the_operator_removes_a_package_and_nothing_beside_it(s3: Any, reader: S3Objects, built: Built) -> None:
    stored(s3, built)
    for neighbour in (f"{PREFIX}0/model.onnx", f"{PREFIX}.replay/replay.json"):
        s3.put_object(Bucket=BUCKET, Key=neighbour, Body=b"another")
    for _ in range(2):
        await reader.remove(PACKAGE)
    assert keys(s3) == [f"{PREFIX}.replay/replay.json", f"{PREFIX}0/model.onnx"]


async def test_the_operator_removes_nothing_of_another_namespace(s3: Any, reader: S3Objects) -> None:
    s3.put_object(Bucket=BUCKET, Key="other/k-1/model.onnx", Body=b"another")
    for uri in (f"s3://{BUCKET}/other/k-1", f"s3://{BUCKET}/flights/../other/k-1", f"s3://{BUCKET}/flights"):
        with pytest.raises(RejectedError, match="may be read here"):
            await reader.remove(uri)
    assert keys(s3) == ["other/k-1/model.onnx"]


def test_a_copy_beside_the_package_is_no_part_of_it(s3: Any, built: Built, tmp_path: Path) -> None:
    manifest = stored(s3, built)
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}.replay/pipeline.yaml", Body=b"a pipeline")
    assert verified_manifest(fetch(PACKAGE, tmp_path / "models"), manifest.digest) == manifest


async def test_an_operator_without_credentials_says_which_setting_gives_them(
    s3: Any, reader: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for call in (reader.get(f"{PACKAGE}.replay/replay.json", 100), reader.remove(PACKAGE)):
        with pytest.raises(RejectedError, match=r"no S3 credentials \(storage\.operatorSecretName\)"):
            await call


def test_a_package_that_is_not_there_has_no_manifest(s3: Any) -> None:
    assert at(PACKAGE).manifest() is None


def test_a_stored_package_shows_its_manifest(s3: Any, built: Built) -> None:
    manifest = stored(s3, built)
    text = at(PACKAGE).manifest()
    assert text is not None and Manifest.from_json(text) == manifest


def test_a_package_that_was_stored_in_part_has_no_manifest(s3: Any, built: Built) -> None:
    (built[0] / "model.onnx").unlink()
    (built[0] / "model.onnx").symlink_to("nothing")  # cannot be uploaded
    with pytest.raises(OSError, match=r"model\.onnx"):
        at(PACKAGE).store(built[0])
    assert at(PACKAGE).manifest() is None


def test_storing_it_again_changes_nothing(s3: Any, built: Built, tmp_path: Path) -> None:
    manifest = stored(s3, built)
    before = keys(s3)
    stored(s3, built)
    assert keys(s3) == before
    assert verified_manifest(fetch(PACKAGE, tmp_path / "models"), manifest.digest) == manifest


def test_a_neighbour_whose_name_begins_alike_is_no_part_of_it(s3: Any, built: Built, tmp_path: Path) -> None:
    manifest = stored(s3, built)
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}0/model.onnx", Body=b"another")
    assert verified_manifest(fetch(PACKAGE, tmp_path / "models"), manifest.digest) == manifest


def test_a_container_that_starts_again_takes_a_fresh_copy(s3: Any, built: Built, tmp_path: Path) -> None:
    manifest = stored(s3, built)
    left = fetch(PACKAGE, tmp_path / "models")
    (left / "half").write_bytes(b"of a download")
    assert verified_manifest(fetch(PACKAGE, tmp_path / "models"), manifest.digest) == manifest


@pytest.mark.parametrize("uri", [f"s3://{BUCKET}/log/", f"s3://{BUCKET}/log"])
def test_the_payload_log_is_put_below_its_prefix(s3: Any, uri: str) -> None:
    sink(uri)("delay/7/a.parquet", b"PAR1")
    assert keys(s3) == ["log/delay/7/a.parquet"]
    assert s3.get_object(Bucket=BUCKET, Key="log/delay/7/a.parquet")["Body"].read() == b"PAR1"


@pytest.mark.parametrize("name", ["model.onnx", "sample.json", "slipped-in.bin"])
def test_a_package_that_was_changed_in_the_bucket_is_refused(s3: Any, built: Built, tmp_path: Path, name: str) -> None:
    manifest = stored(s3, built)
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=b"not what was registered")
    with pytest.raises(DigestMismatch, match="was not loaded"):
        verified_manifest(fetch(PACKAGE, tmp_path / "models"), manifest.digest)


def test_a_package_that_lost_a_file_is_refused(s3: Any, built: Built, tmp_path: Path) -> None:
    manifest = stored(s3, built)
    s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/sample.json")
    with pytest.raises(DigestMismatch):
        verified_manifest(fetch(PACKAGE, tmp_path / "models"), manifest.digest)


def test_a_package_that_is_not_there_cannot_be_fetched(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=f"There is no package at {PACKAGE}"):
        fetch(PACKAGE, tmp_path / "models")


def test_what_is_to_be_imported_is_fetched_whole_and_told_by_its_digest(s3: Any, built: Built, tmp_path: Path) -> None:
    manifest = stored(s3, built)
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}0/model.onnx", Body=b"a neighbour whose name begins alike")
    whole = Place(f"{PACKAGE}/", manifest.digest)
    assert fetch_folder(whole, tmp_path / "folder") == manifest.digest
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == sorted([*manifest.files, "manifest.json"])
    one = Place(f"{PACKAGE}/model.onnx", manifest.files["model.onnx"])
    assert fetch_file(one, tmp_path / "file") == manifest.files["model.onnx"]
    assert (tmp_path / "file").read_bytes() == (built[0] / "model.onnx").read_bytes()


@pytest.mark.parametrize("fetch", [fetch_file, fetch_folder])
def test_what_is_not_there_or_another_is_not_imported(s3: Any, tmp_path: Path, fetch: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="theirs/model.onnx", Body=b"theirs")
    there = "theirs/model.onnx" if fetch is fetch_file else "theirs"
    for uri in (f"s3://{BUCKET}/theirs/model.skops", "s3://nowhere/theirs"):
        with pytest.raises(Failed, match=uri) as missing:
            fetch(Place(uri), tmp_path / uri.replace("/", "_"))
        assert missing.value.outcome.reason == "ObjectNotFound"
    with pytest.raises(Rejected, match="nothing of it was opened"):
        fetch(Place(f"s3://{BUCKET}/{there}", "sha256:" + "0" * 64), tmp_path / "other")


# What is wrong with the environment → what both sides say about it.
WRONG: dict[str, tuple[dict[str, str], str]] = {
    "an access key that nobody has": ({"AWS_ACCESS_KEY_ID": "stranger"}, "refused the credentials"),
    "another secret key": ({"AWS_SECRET_ACCESS_KEY": "guessed"}, "refused the credentials.*SignatureDoesNotMatch"),
    "a store that is not there": ({"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}, "does not answer"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_secret_is_named_by_both_sides(
    s3: Any, built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    changed, words = WRONG[case]
    use(monkeypatch, changed)
    refused = (Failed, PackageError)
    with pytest.raises(refused, match=f"Could not read {PACKAGE}: .*{words}"):
        at(PACKAGE).manifest()
    with pytest.raises(refused, match=f"Could not write {PACKAGE}: .*{words}"):
        at(PACKAGE).store(built[0])
    with pytest.raises(refused, match=f"Could not read {PACKAGE}: .*{words}"):
        fetch(PACKAGE, tmp_path / "models")
    for read in (fetch_file, fetch_folder):
        with pytest.raises(Failed, match=f"Could not read {PACKAGE}: .*{words}") as unreadable:
            read(Place(PACKAGE), tmp_path / read.__name__)
        assert unreadable.value.outcome.reason == "StorageUnavailable"


def test_a_missing_bucket_is_named_by_both_sides(secret: dict[str, str], built: Built, tmp_path: Path) -> None:
    sentence = "there is no bucket nowhere; make it, or name another"
    with pytest.raises(Failed, match=f"Could not read .*{sentence}"):
        at("s3://nowhere/k-1").manifest()
    with pytest.raises(Failed, match=f"Could not write .*{sentence}"):
        at("s3://nowhere/k-1").store(built[0])
    with pytest.raises(PackageError, match=sentence):
        fetch("s3://nowhere/k-1", tmp_path / "models")


def test_the_flights_are_stored_once(secret: dict[str, str]) -> None:
    first = seeded(secret)
    months = [f"flights/flights-2013-{month:02d}.parquet" for month in range(1, 13)]
    assert sorted(first) == [*months, "flights/planes.parquet", "flights/weather.parquet"]
    assert keys(boto3.client("s3"), "data") == sorted(first)
    assert seeded(secret) == []


def seeded(secret: dict[str, str]) -> list[str]:
    """The keys that `python -m flights.seed` says it wrote."""
    command = [runner_python(), "-m", "flights.seed", "s3://data/flights"]
    environment = os.environ | secret | {"PYTHONPATH": str(ROOT / "pipelines")}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
