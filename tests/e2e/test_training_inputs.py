"""What a run is given and judged by, wrong at first: each says what to do, and goes on when that is done.

In the order in which a team lives it, in a namespace of its own, which is deleted in the end while a run is under way.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import yaml
from demo.kube import RELEASE_NAMESPACE, kubectl, secret, service_address
from tests.e2e.conftest import Mlflow, Team, eventually
from tests.e2e.test_failures import PIPELINE, failed, run_of

DATA, BUCKET = b"the wines of 1991", "e2e-inputs"
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
LOG_MODEL = 'mlflow.sklearn.log_model(model, name="model", input_example=rows.head(50), pip_requirements=needs)'
LOG_METRIC = 'mlflow.log_metric("held_out_accuracy", model.score(unseen, truth))'
ACCURATE = {"metric": "held_out_accuracy", "operator": ">=", "threshold": 0.5}
NEVER = [ACCURATE | {"operator": ">", "threshold": 1}]  # where what comes after the pipeline is not of interest


def training(old: str, new: str) -> str:
    """The example's pipeline with other words in its training step."""
    pipeline = yaml.safe_load(PIPELINE)
    command = pipeline["deploymentSpec"]["executors"]["exec-train-classifier"]["container"]["command"]
    assert old in command[-1]
    command[-1] = command[-1].replace(old, new)
    return str(yaml.safe_dump(pipeline))


class Store:
    """The installed S3, as who may write there sees it."""

    def __init__(self) -> None:
        self.keys = secret("millwright-storage", RELEASE_NAMESPACE)
        self._client = boto3.client(
            "s3",
            endpoint_url=f"http://{service_address('millwright-storage', RELEASE_NAMESPACE)}:7070",
            aws_access_key_id=self.keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.keys["AWS_SECRET_ACCESS_KEY"],
            region_name=self.keys["AWS_DEFAULT_REGION"],
        )
        if BUCKET not in [bucket["Name"] for bucket in self._client.list_buckets()["Buckets"]]:
            self._client.create_bucket(Bucket=BUCKET)

    def put(self, key: str) -> None:
        self._client.put_object(Bucket=BUCKET, Key=key, Body=DATA)


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


@pytest.fixture(scope="module")
def inputs(store: Store) -> Iterator[Team]:
    """A team with a run of each kind, all applied at once."""
    team = Team(f"e2e-inputs-{int(time.time())}")
    store.put(f"{team.namespace}/other")
    run_of(team, "no-value", PIPELINE.replace("defaultValue: 1.0", "").replace("isOptional: true", ""))
    run_of(team, "wrong-type", PIPELINE, parameters={"regularization": "strong"})
    run_of(team, "no-pool", PIPELINE, nodePools={"default": "mars"})
    run_of(team, "other-data", PIPELINE, datasets=[data(team, "other", digest=f"sha256:{'0' * 64}")])
    run_of(team, "no-model", training(LOG_MODEL, "pass"))
    run_of(team, "imageless", PIPELINE.replace("python:3.11", "millwright.local/absent:dev"))
    no_key(team)
    judged(team)
    locked_out(team, store)
    evicted(team)
    yield team
    kubectl("delete", "namespace", team.namespace, "--wait=false", "--ignore-not-found")


def data(team: Team, name: str, **fields: str) -> dict[str, str]:
    return {"name": "wines", "uri": f"s3://{BUCKET}/{team.namespace}/{name}", **fields}


def no_key(team: Team) -> None:
    """It names a key that its ConfigMap has not."""
    spec = {"pipeline": {"configMapRef": {"name": "no-value", "key": "other.yaml"}}, "output": {"model": "wine"}}
    head = {"apiVersion": "millwright.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "no-key"}}
    team.apply(head | {"spec": spec})


def judged(team: Team) -> None:
    """Its data is not there yet; it logs NaN, and a slice; its gates ask for more."""
    logs = 'mlflow.log_metrics({"unsure": float("nan"), "held_out_accuracy/red": 0.95})'
    slices = [{"name": name, "gates": [ACCURATE]} for name in ("red", "white")]
    gates = [ACCURATE, ACCURATE | {"metric": "f1"}, ACCURATE | {"metric": "unsure"}]
    source = {"repoURL": "https://git.example/wines", "revision": "4f2c1d9"}
    lineage = {"datasets": [data(team, "wines", digest=DIGEST)], "source": source, "message": "red ones too"}
    run_of(team, "judged", training(LOG_METRIC, f"{LOG_METRIC}; {logs}"), gates=gates, scenarios=slices, **lineage)


def locked_out(team: Team, store: Store) -> None:
    """Its model is a pickle, and S3 does not take its keys."""
    team.apply({"apiVersion": "millwright.dev/v1alpha1", "kind": "Model", "metadata": {"name": "pickles"}})
    team.apply(keys(store.keys | {"AWS_SECRET_ACCESS_KEY": "guessed"}))
    pickled = training(LOG_MODEL, LOG_MODEL.replace("=needs", '=needs, serialization_format="cloudpickle"'))
    run_of(team, "locked-out", pickled, storage={"secretRef": "own-keys"}, output={"model": "pickles"})


def keys(values: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "own-keys"}, "stringData": values}


def evicted(team: Team) -> None:
    """Its pod is evicted as soon as there is one."""
    run_of(team, "evicted", PIPELINE, gates=NEVER)
    name = eventually("the pod is there", lambda: team.pods("evicted")).split()[0].removeprefix("pod/")
    metadata = {"name": name, "namespace": team.namespace}
    eviction = json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata})
    kubectl("create", "--raw", f"/api/v1/namespaces/{team.namespace}/pods/{name}/eviction", "-f", "-", input=eviction)


def ready(team: Team, name: str) -> dict[str, Any]:
    return team.condition("trainingrun", "Ready", name)


def patch(team: Team, kind: str, name: str, **spec: Any) -> None:
    kubectl("patch", kind, name, "-n", team.namespace, "--type=merge", "-p", json.dumps({"spec": spec}))


def becomes(team: Team, name: str, version: str) -> dict[str, Any]:
    """The status, once the run is that version."""
    eventually(f"{name} is version {version}", lambda: team.status("trainingrun", name).get("modelVersion") == version)
    return team.status("trainingrun", name)


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("no-key", "PipelineKeyNotFound", "has no key other.yaml (keys: pipeline.yaml)"),
        ("no-value", "InvalidParameter", "parameter regularization is missing, and the pipeline gives it no default"),
        ("wrong-type", "InvalidParameter", 'regularization must be a number, not "strong"'),
        ("no-pool", "InvalidPlacement", "mars"),
    ],
)
def test_what_is_wrong_in_the_spec_is_said_before_anything_runs(
    inputs: Team, name: str, reason: str, words: str
) -> None:
    eventually(f"{name} is looked at", lambda: ready(inputs, name))
    assert ready(inputs, name)["reason"] == reason
    assert words in ready(inputs, name)["message"]
    assert not inputs.pods(name)


def test_data_with_another_digest_is_not_trained_with(inputs: Team) -> None:
    eventually("it is compared", lambda: ready(inputs, "other-data").get("reason") == "DatasetDigestMismatch")
    assert inputs.condition("trainingrun", "Stalled", "other-data")["status"] == "True"
    assert f"has digest {DIGEST}, not the sha256:000" in ready(inputs, "other-data")["message"]
    assert "mlflowRun" not in inputs.status("trainingrun", "other-data")


def test_a_run_waits_for_its_data_and_is_judged_again_without_training(inputs: Team, store: Store) -> None:
    eventually("it waits", lambda: ready(inputs, "judged").get("reason") == "DatasetNotFound")
    assert "mlflowRun" not in inputs.status("trainingrun", "judged")
    store.put(f"{inputs.namespace}/wines")
    eventually("it is launched", lambda: inputs.status("trainingrun", "judged").get("pipelineRun"), 240)
    message = failed(inputs, "judged")["message"]
    assert inputs.status("trainingrun", "judged")["datasets"][0]["digest"] == DIGEST
    for words in (
        "f1 >= 0.5: the run logged no f1",
        "unsure >= 0.5: unsure is NaN",
        "held_out_accuracy/white >= 0.5: the run logged no held_out_accuracy/white",
    ):
        assert words in str(message)
    scenarios = inputs.status("trainingrun", "judged")["scenarios"]
    assert [(s["name"], s["passed"]) for s in scenarios] == [("red", True), ("white", False)]
    relative = {"metric": "held_out_accuracy", "operator": ">=", "relativeTo": {"alias": "champion"}}
    patch(inputs, "trainingrun", "judged", gates=[relative], scenarios=[{"name": "red", "gates": [ACCURATE]}])
    status = becomes(inputs, "judged", "1")
    assert [entry["outcome"] for entry in status["history"]] == ["Succeeded"]
    passed = inputs.condition("trainingrun", "GatesPassed", "judged")["message"]
    assert "passes, as champion points to no version" in passed and "held_out_accuracy/red is 0.95" in passed


def test_message_source_data_and_verdicts_are_with_the_version(inputs: Team, mlflow: Mlflow) -> None:
    version = mlflow(f"model-versions/get?name={inputs.namespace}.wine&version=1")["model_version"]
    tags = {tag["key"]: tag["value"] for tag in version["tags"]}
    assert tags["millwright.message"] == "red ones too"
    assert tags["millwright.source.revision"] == "4f2c1d9"
    assert tags["millwright.dataset.wines"].endswith(DIGEST)
    assert [verdict.get("scenario") for verdict in json.loads(tags["millwright.gates.verdicts"])] == [None, "red"]
    described = kubectl("describe", "trainingrun", "judged", "-n", inputs.namespace)
    assert "red ones too" in described and "4f2c1d9" in described


def test_a_run_that_is_no_better_than_the_champion_says_by_how_much(inputs: Team) -> None:
    champion = eventually("there is one", lambda: inputs.status("model").get("aliases", {}).get("champion"))
    better = {"metric": "held_out_accuracy", "operator": ">", "relativeTo": {"alias": "champion"}}
    run_of(inputs, "no-better", PIPELINE, gates=[better])
    failure = failed(inputs, "no-better")
    assert failure["reason"] == "GatesFailed"
    assert f"of version {champion} " in str(failure["message"])


def test_packaging_goes_on_when_keys_are_right_and_when_the_model_allows_pickles(inputs: Team, store: Store) -> None:
    eventually("why is said", lambda: ready(inputs, "locked-out").get("reason") == "StorageUnavailable", 300)
    assert inputs.status("trainingrun", "locked-out")["state"] == "Packaging"
    assert "refused the credentials" in ready(inputs, "locked-out")["message"]
    inputs.apply(keys(store.keys))
    assert failed(inputs, "locked-out")["reason"] == "UnsafeFormat"
    patch(inputs, "model", "pickles", allowPickle=True)
    status = becomes(inputs, "locked-out", "1")
    assert status["attempt"] == 1 and "failure" not in status


def test_training_that_logs_no_model_is_told_how_to(inputs: Team) -> None:
    failure = failed(inputs, "no-model")
    assert failure["reason"] == "NoModelLogged"
    assert "mlflow.sklearn.log_model" in str(failure["message"])


def test_an_evicted_pod_costs_no_attempt(inputs: Team) -> None:
    assert failed(inputs, "evicted")["reason"] == "GatesFailed"
    status = inputs.status("trainingrun", "evicted")
    outcomes = [entry["outcome"] for entry in status["history"]]
    assert outcomes[0] == "GatesFailed" and outcomes[-1] in ("Evicted", "PodLost")
    assert status.get("failures", 0) == 0


def test_an_image_that_is_not_there_ends_the_run_after_a_while(inputs: Team) -> None:
    failure = failed(inputs, "imageless")
    assert failure["reason"] in ("ImagePullBackOff", "ErrImagePull")
    assert "millwright.local/absent:dev" in str(failure["message"])


def test_a_namespace_that_is_deleted_takes_its_runs_with_it_and_closes_them(inputs: Team, mlflow: Mlflow) -> None:
    run_of(inputs, "cut-short", training("model.fit(rows, cultivar)", "__import__('time').sleep(600)"))
    eventually("it runs", lambda: inputs.status("trainingrun", "cut-short").get("state") == "Running")
    kubectl("delete", "namespace", inputs.namespace, "--timeout=180s")
    found = mlflow(f"experiments/get-by-name?experiment_name={inputs.namespace}/cut-short")["experiment"]
    query = {"experiment_ids": [found["experiment_id"]], "filter": "attributes.status = 'RUNNING'"}
    assert mlflow("runs/search", query).get("runs", []) == []
