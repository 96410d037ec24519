"""A model that was trained elsewhere, on the installed local cluster: from a file in S3 to a served version."""

import hashlib
import json
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import numpy as np
import pytest
from demo.kube import RELEASE_NAMESPACE, get, kubectl, secret, service_address
from demo.story import STORAGE_SECRET
from tests.e2e.conftest import Mlflow, Team, eventually
from tests.serving import onnx_bytes

API = "millwright.dev/v1alpha1"
COLUMNS = ["distance", "delay"]
COEFFICIENTS, INTERCEPT = np.array([0.5, -2.0]), 0.25
ROWS = np.array([[1.0, 0.0], [0.5, 2.0], [-4.0, -1.5], [0.0, 0.0]])
PROBABILITIES = 1 / (1 + np.exp(-(ROWS @ COEFFICIENTS + INTERCEPT)))
LABELS = (PROBABILITIES > 0.5).astype(int).tolist()
MODEL = onnx_bytes.classifier(COLUMNS, COEFFICIENTS, INTERCEPT)
DIGEST = f"sha256:{hashlib.sha256(MODEL).hexdigest()}"
WRONG = "sha256:" + "0" * 64
SAMPLE = {
    "dataframe_split": {"columns": COLUMNS, "data": ROWS.tolist()},
    "predictions": {"label": LABELS, "probabilities": np.stack([1 - PROBABILITIES, PROBABILITIES], 1).tolist()},
}


class Importers(Team):
    """A team that has no pipeline, and a folder of S3."""

    def put(self, name: str, content: bytes) -> str:
        """Stores an object; returns its URI."""
        self._storage().put_object(Bucket="data", Key=f"{self.namespace}/{name}", Body=content)
        return self.uri(name)

    def remove(self, folder: str) -> None:
        """Deletes what is below the URI of a folder."""
        bucket, _, prefix = folder.removeprefix("s3://").partition("/")
        storage = self._storage()
        found = storage.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
        storage.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": one["Key"]} for one in found]})

    def _storage(self) -> Any:
        """S3, with the credentials of the team's Secret."""
        keys = secret(STORAGE_SECRET, self.namespace)
        return boto3.client(
            "s3",
            endpoint_url=f"http://{service_address('millwright-storage', RELEASE_NAMESPACE)}:7070",
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            region_name=keys["AWS_DEFAULT_REGION"],
        )

    def uri(self, name: str) -> str:
        """Where an object of the team is, or would be."""
        return f"s3://data/{self.namespace}/{name}"

    def imports(self, model: str, **wanted: Any) -> None:
        """Applies a Model with an import of ONNX."""
        spec = {"import": {"format": "onnx"} | wanted}
        self.apply({"apiVersion": API, "kind": "Model", "metadata": {"name": model}, "spec": spec})

    def told(self, model: str) -> tuple[str, str]:
        """Status and reason of the condition Imported."""
        condition = self.condition("mmodel", "Imported", model)
        return condition.get("status", ""), condition.get("reason", "")


@pytest.fixture(scope="module")
def importers() -> Iterator[Importers]:
    """With a Model that waits for what is not there yet, and one that names a digest that is not the object's."""
    made = Importers(f"e2e-import-{int(time.time())}")
    made.imports("late", uri=made.uri("late.onnx"))
    made.imports("theirs", uri=made.put("model.onnx", MODEL), digest=WRONG)
    serving = {"model": {"name": "theirs"}}
    made.apply({"apiVersion": API, "kind": "Deployment", "metadata": {"name": "theirs"}, "spec": serving})
    yield made
    kubectl("delete", "namespace", made.namespace, "--wait=false")


def versions(team: Team, mlflow: Mlflow, model: str = "theirs") -> list[dict[str, Any]]:
    """The model's versions in MLflow, oldest first."""
    found = mlflow(f"model-versions/search?filter=name%3D%27{team.namespace}.{model}%27").get("model_versions", [])
    return sorted(found, key=lambda version: int(version["version"]))


def test_another_digest_stalls_with_a_sentence_and_opens_nothing(importers: Importers, mlflow: Mlflow) -> None:
    stalled = partial(importers.condition, "mmodel", "Stalled", "theirs")
    eventually("the import is stalled", lambda: stalled().get("status") == "True")
    assert importers.told("theirs") == ("False", "DigestMismatch")
    uri = importers.uri("model.onnx")
    words = f"{uri} has the digest {DIGEST}, but {WRONG} is asked for; nothing of it was opened."
    assert stalled()["message"].startswith(words)
    assert versions(importers, mlflow) == []


def test_a_corrected_digest_makes_a_version_that_is_served(importers: Importers) -> None:
    sample = importers.put("sample.json", json.dumps(SAMPLE).encode())
    importers.imports("theirs", uri=importers.uri("model.onnx"), digest=DIGEST, sample={"uri": sample})
    eventually("version 1 is served", lambda: importers.serves("1", "theirs"))
    inputs = [
        {"name": name, "shape": [len(ROWS)], "datatype": "FP32", "data": ROWS[:, index].tolist()}
        for index, name in enumerate(COLUMNS)
    ]
    request = urllib.request.Request(
        f"http://{importers.host('theirs')}/v2/models/theirs/infer", json.dumps({"inputs": inputs}).encode()
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        outputs = {output["name"]: output["data"] for output in json.load(response)["outputs"]}
    assert outputs["label"] == LABELS
    assert np.allclose(outputs["probabilities"][1::2], PROBABILITIES, atol=1e-6)


def test_it_is_a_full_version_in_the_status_and_in_mlflow(importers: Importers, mlflow: Mlflow) -> None:
    eventually("version 1 is served", lambda: importers.serves("1", "theirs"))
    (told,) = importers.status("mmodel", "theirs")["versions"]
    assert (told["importedFrom"], told["approved"]) == (importers.uri("model.onnx"), True)
    assert "trainingRun" not in told
    (version,) = versions(importers, mlflow)
    tags = {tag["key"]: tag["value"] for tag in version["tags"]}
    assert (tags["millwright.import.digest"], tags["millwright.format"]) == (DIGEST, "onnx")
    assert version["source"].startswith("models:/m-")
    run = mlflow(f"runs/get?run_id={version['run_id']}")["run"]
    assert (run["info"]["status"], run["info"]["run_name"]) == ("FINISHED", tags["millwright.execution"])
    verification = json.loads({t["key"]: t["value"] for t in run["data"]["tags"]}["millwright.package"])["verification"]
    assert verification["rows"] == len(ROWS) and verification["maxAbsDifference"] < 1e-5
    assert "finalizers" not in (get("mmodel", "theirs", importers.namespace) or {})["metadata"]


def test_its_replay_is_refused_with_a_sentence(importers: Importers) -> None:
    eventually("version 1 is served", lambda: importers.serves("1", "theirs"))
    spec = {"replayOf": {"modelVersion": "1"}, "output": {"model": "theirs"}}
    importers.apply({"apiVersion": API, "kind": "TrainingRun", "metadata": {"name": "again"}, "spec": spec})
    ready = partial(importers.condition, "trainingrun", "Ready", "again")
    eventually("the replay is refused", lambda: ready().get("reason") == "NotTrained")
    assert f"was imported from {importers.uri('model.onnx')}" in ready()["message"]


def test_an_object_that_comes_later_is_imported_then(importers: Importers, mlflow: Mlflow) -> None:
    eventually("the object is missed", lambda: importers.told("late") == ("False", "ObjectNotFound"))
    assert importers.condition("mmodel", "Stalled", "late")["status"] == "False"
    importers.put("late.onnx", MODEL)
    eventually("it is imported", lambda: importers.told("late") == ("True", "Imported"))
    assert [version["version"] for version in versions(importers, mlflow, "late")] == ["1"]


def test_nothing_is_imported_twice(importers: Importers, mlflow: Mlflow) -> None:
    for model in ("theirs", "late"):
        patch = json.dumps({"spec": {"description": "a comment, for another look"}})
        kubectl("patch", "mmodel", model, "-n", importers.namespace, "--type=merge", "-p", patch)
        eventually(f"{model} is looked at again", partial(is_looked_at, importers, model))
        assert len(versions(importers, mlflow, model)) == 1
    jobs = kubectl("get", "jobs", "-n", importers.namespace, "-l", "millwright.dev/step=import", "-o", "name").split()
    assert len(jobs) == 2, "one for each Model: that of the wrong digest has gone"


def is_looked_at(team: Team, model: str) -> bool:
    """Whether its status speaks of its spec as it stands."""
    generation = (get("mmodel", model, team.namespace) or {})["metadata"]["generation"]
    return bool(team.condition("mmodel", "Ready", model).get("observedGeneration") == generation)
