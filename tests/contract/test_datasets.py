"""Data sets in S3, by the gateway that the chart installs: looked for and compared as the runner does it in a pod."""

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.contract.processes import free_port
from tests.contract.s3_server import s3_server
from tests.contract.test_object_storage import use

from millwright_runner import datasets
from millwright_runner.datasets import check
from millwright_runner.outcome import LIMIT, Outcome

CONTENT = {"a.parquet": b"first", "b/c.parquet": b"second", "b.parquet": b"third"}
FIRST = f"sha256:{hashlib.sha256(b'first').hexdigest()}"
OTHER = f"sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with s3_server(tmp_path_factory.mktemp("s3")) as environment:
        yield environment


@pytest.fixture
def s3(gateway: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client, with a bucket `data` that holds CONTENT below flights/."""
    use(monkeypatch, gateway)
    client = boto3.client("s3")
    client.create_bucket(Bucket="data")
    for name, content in CONTENT.items():
        client.put_object(Bucket="data", Key=f"flights/{name}", Body=content)
    yield client
    for entry in client.list_objects_v2(Bucket="data").get("Contents", []):
        client.delete_object(Bucket="data", Key=entry["Key"])
    client.delete_bucket(Bucket="data")


def look(uri: str, digest: str | None = None, known: Mapping[str, str] | None = None) -> Outcome:
    """At one data set. `known`: what was found before."""
    fields = {"name": "flights", "uri": uri, "digest": digest, "known": known}
    return check(json.dumps([{name: value for name, value in fields.items() if value}]))


def found(outcome: Outcome) -> dict[str, str]:
    (only,) = outcome.details["datasets"]
    return dict(only)


def test_an_object_that_is_there_is_found_without_being_read(s3: Any) -> None:
    outcome = look("s3://data/flights/a.parquet")
    assert outcome.outcome == "Succeeded"
    assert found(outcome).keys() == {"name", "uri", "etag"}


def test_an_object_with_its_digest_is_as_it_should_be(s3: Any) -> None:
    outcome = look("s3://data/flights/a.parquet", FIRST)
    assert (outcome.outcome, found(outcome)["digest"]) == ("Succeeded", FIRST)


def test_another_digest_is_rejected_with_both(s3: Any) -> None:
    outcome = look("s3://data/flights/a.parquet", OTHER)
    assert (outcome.outcome, outcome.reason) == ("Rejected", "DatasetDigestMismatch")
    assert f"s3://data/flights/a.parquet (flights) has digest {FIRST}, not the {OTHER}" in str(outcome.message)
    assert found(outcome)["digest"] == FIRST


def test_a_folder_has_the_digest_that_sha256sum_tells(s3: Any, tmp_path: Path) -> None:
    for name, content in CONTENT.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    s3.put_object(Bucket="data", Key="flights/empty/", Body=b"")
    command = "find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    told = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    outcome = look("s3://data/flights/", f"sha256:{told.stdout.split()[0]}")
    assert outcome.outcome == "Succeeded", outcome.message


def test_a_folder_with_one_more_file_is_another(s3: Any) -> None:
    before = look("s3://data/flights/", OTHER)
    s3.put_object(Bucket="data", Key="flights/d.parquet", Body=b"fourth")
    after = look("s3://data/flights/", OTHER)
    assert found(before)["digest"] != found(after)["digest"]
    assert found(before)["etag"] != found(after)["etag"]


@pytest.mark.parametrize("uri", ["s3://data/flights/z.parquet", "s3://data/nothing/"])
def test_what_is_not_there_is_waited_for(s3: Any, uri: str) -> None:
    outcome = look(uri, FIRST)
    assert (outcome.outcome, outcome.reason) == ("Failed", "DatasetNotFound")
    assert outcome.message == f"{uri} (flights) is not there"


def test_a_folder_that_is_named_as_an_object_is_said_to_be_one(s3: Any) -> None:
    message = look("s3://data/flights").message
    assert message is not None and message.endswith("the URI of a folder ends with a slash")


def test_nothing_is_read_before_all_are_found(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_sha256", None)
    text = [{"name": "a", "uri": "s3://data/flights/a.parquet", "digest": FIRST}, {"name": "b", "uri": "s3://data/b"}]
    outcome = check(json.dumps(text))
    assert (outcome.reason, outcome.message) == ("DatasetNotFound", "s3://data/b (b) is not there")


@pytest.mark.parametrize("uri", ["s3://data/flights/a.parquet", "s3://data/flights/"])
def test_what_has_not_changed_since_is_not_read_again(s3: Any, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = found(look(uri, OTHER))
    monkeypatch.setattr(datasets, "_sha256", None)
    outcome = look(uri, first["digest"], first)
    assert (outcome.outcome, found(outcome)) == ("Succeeded", first)


def test_what_has_changed_since_is_read_again(s3: Any) -> None:
    first = found(look("s3://data/flights/a.parquet", FIRST))
    s3.put_object(Bucket="data", Key="flights/a.parquet", Body=b"another")
    outcome = look("s3://data/flights/a.parquet", FIRST, first)
    assert (outcome.outcome, outcome.reason) == ("Rejected", "DatasetDigestMismatch")


def test_an_object_that_was_stored_with_its_sha256_is_not_read(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("botocore.response.StreamingBody.iter_chunks")
    with pytest.raises(AttributeError):
        look("s3://data/flights/a.parquet", FIRST)
    s3.put_object(Bucket="data", Key="flights/a.parquet", Body=b"first", ChecksumAlgorithm="SHA256")
    outcome = look("s3://data/flights/a.parquet", FIRST)
    assert (outcome.outcome, found(outcome)["digest"]) == ("Succeeded", FIRST)


def test_a_file_stored_in_parts_has_the_digest_of_its_content(s3: Any) -> None:
    content = bytes(6 * 1024 * 1024)
    upload = s3.create_multipart_upload(Bucket="data", Key="flights/large", ChecksumAlgorithm="SHA256")
    place = {"Bucket": "data", "Key": "flights/large", "UploadId": upload["UploadId"]}
    parts = []
    for number, part in enumerate((content, b"end"), start=1):
        stored = s3.upload_part(**place, PartNumber=number, Body=part, ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": stored["ETag"], "ChecksumSHA256": stored["ChecksumSHA256"]})
    s3.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    digest = f"sha256:{hashlib.sha256(content + b'end').hexdigest()}"
    assert look("s3://data/flights/large", digest).outcome == "Succeeded"


WRONG = {
    "an access key that nobody has": ({"AWS_ACCESS_KEY_ID": "stranger"}, ""),
    "a store that is not there": ({"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}, "does not answer"),
}


@pytest.mark.parametrize("uri", ["s3://data/flights/a.parquet", "s3://data/flights/"])
@pytest.mark.parametrize("case", WRONG)
def test_a_store_that_does_not_let_us_look_is_named(
    s3: Any, uri: str, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    changed, words = WRONG[case]
    use(monkeypatch, changed)
    outcome = look(uri, FIRST)
    assert (outcome.outcome, outcome.reason) == ("Failed", "StorageUnavailable")
    assert str(outcome.message).startswith(f"Could not read {uri}: ") and words in str(outcome.message)


def test_a_bucket_that_is_not_there_is_named(s3: Any) -> None:
    assert "there is no bucket nowhere; make it, or name another" in str(look("s3://nowhere/a/").message)
    assert "there is no bucket nowhere; make it, or name another" in str(look("s3://nowhere/a").message)


def test_however_many_data_sets_there_are_the_report_fits_into_a_termination_message(s3: Any) -> None:
    many = [{"name": f"d{n}" + "x" * 60, "uri": "s3://data/flights/a.parquet", "digest": FIRST} for n in range(32)]
    outcome = check(json.dumps(many))
    assert outcome.outcome == "Succeeded"
    assert len(outcome.to_json()) <= LIMIT and json.loads(outcome.to_json())["datasets"]
