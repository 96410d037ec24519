"""Two Deployments of one Model, by both strategies: a version that crashes at load, scaling, node pools, full ones.

The versions are packages made here, and registered as packaging does it: nothing is trained.
"""

import json
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from arro3.io import read_parquet
from demo.kube import RELEASE_NAMESPACE, get, kubectl, secret, service_address
from demo.requests import RequestLoop
from demo.story import STORAGE_SECRET
from tests.cluster.addons import GPUS_PER_NODE
from tests.e2e.conftest import Mlflow, Team, eventually
from tests.serving import packages

MODEL, ROLLING, ALONE = "delays", "delays-rolling", "delays-alone"
BUCKET = "models"
SAMPLE = {"columns": list(packages.COLUMNS), "data": [[0.5, -1.0, 0.25]]}
ALL_GPUS = {"requests": {"cpu": "100m", "memory": "192Mi"}, "limits": {"nvidia.com/gpu": GPUS_PER_NODE}}


def manifest(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "millwright.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def storage() -> Any:
    """A client of the embedded storage."""
    keys = secret(STORAGE_SECRET, RELEASE_NAMESPACE)
    return boto3.client(
        "s3",
        endpoint_url=f"http://{service_address('millwright-storage', RELEASE_NAMESPACE)}:7070",
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        region_name=keys["AWS_DEFAULT_REGION"],
    )


def stored(folder: Path, prefix: str) -> str:
    """Uploads a package. Returns where it is."""
    s3 = storage()
    for file in folder.iterdir():
        s3.upload_file(str(file), BUCKET, f"{prefix}/{file.name}")
    return f"s3://{BUCKET}/{prefix}"


class Versions:
    """Makes versions of the Model, each of them the champion at once."""

    def __init__(self, team: Team, mlflow: Mlflow, folder: Path) -> None:
        self._team, self._mlflow = team, mlflow
        good, _ = packages.onnx_package(folder / "good")
        broken = packages.write(folder / "broken", "onnx", b"no model", packages.BY_COLUMN, None)
        where = f"{team.namespace}/{MODEL}"
        self._good = stored(folder / "good", f"{where}/good"), good.digest
        self._broken = stored(folder / "broken", f"{where}/broken"), broken.digest

    def register(self, broken: bool = False) -> None:
        """As packaging does it. MLflow tells nobody: a comment on the Model has the operator look at once."""
        uri, digest = self._broken if broken else self._good
        tags = {"millwright.package": uri, "millwright.digest": digest, "millwright.gates": "Passed"}
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        name = f"{self._team.namespace}.{MODEL}"
        made = self._mlflow("model-versions/create", {"name": name, "source": uri, "tags": pairs})
        self._team.apply(manifest("Model", MODEL, description=f"version {made['model_version']['version']}"))


@pytest.fixture(scope="module")
def versions(team: Team, mlflow: Mlflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Versions]:
    """A Model with one version, served twice: beside others, and on the only GPUs that there are."""
    team.apply(manifest("Model", MODEL))
    eventually("it is registered", lambda: team.condition("mmodel", "Ready", MODEL).get("status") == "True")
    made = Versions(team, mlflow, tmp_path_factory.mktemp("packages"))
    made.register()
    common: dict[str, Any] = {"model": {"name": MODEL}, "progressDeadlineSeconds": 20}
    on_gpus = {"nodePool": "gpu", "strategy": {"type": "Recreate"}, "template": {"resources": ALL_GPUS}}
    log = {"MILLWRIGHT_LOG_SAMPLE": "1", "MILLWRIGHT_LOG_URI": f"s3://{BUCKET}/{log_prefix(team)}"}
    logging = {"template": {"env": [{"name": name, "value": value} for name, value in log.items()]}}
    team.apply(manifest("Deployment", ROLLING, **common, **logging), manifest("Deployment", ALONE, **common, **on_gpus))
    for name in (ROLLING, ALONE):
        eventually(f"{name} serves version 1", partial(team.serves, "1", name))
    yield made
    kubectl("delete", "modeldeployments", ROLLING, ALONE, "-n", team.namespace)


def change(team: Team, name: str, **spec: Any) -> None:
    kubectl("patch", "mdep", name, "-n", team.namespace, "--type=merge", "-p", json.dumps({"spec": spec}))


def log_prefix(team: Team) -> str:
    return f"{team.namespace}/{MODEL}/log"


def logged_files(team: Team) -> list[str]:
    """Keys of the payload log of version 1."""
    found = storage().list_objects_v2(Bucket=BUCKET, Prefix=f"{log_prefix(team)}/{ROLLING}/1/")
    return [entry["Key"] for entry in found.get("Contents", [])]


def is_stalled(team: Team, name: str) -> bool:
    return team.condition("mdep", "Stalled", name).get("status") == "True"


def is_available(team: Team, name: str) -> bool:
    return team.condition("mdep", "Available", name).get("status") == "True"


def pods(team: Team, name: str) -> list[dict[str, Any]]:
    """Those that the Deployment's own selector finds, and that are to stay."""
    selector = team.status("mdep", name)["selector"]
    found = json.loads(kubectl("get", "pods", "-n", team.namespace, "-l", selector, "-o", "json"))["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def test_a_version_that_crashes_at_load_leaves_the_last_known_good_serving(team: Team, versions: Versions) -> None:
    body = json.dumps({"dataframe_split": SAMPLE})
    with RequestLoop(team.host(ROLLING), "/invocations", body) as loop:
        versions.register(broken=True)
        for name in (ROLLING, ALONE):
            eventually(f"{name} has given version 2 up", partial(is_stalled, team, name))
    assert loop.failures == [] and set(loop.answered) == {"1"}
    for name in (ROLLING, ALONE):
        status = team.status("mdep", name)
        assert (status["stable"]["version"], status["lastKnownGood"]["version"]) == ("1", "1")
        rejected = status["rejectedVersion"]
        assert (rejected["version"], rejected["reason"]) == ("2", "Error")
        assert "exit code 1: " in rejected["message"] and "cannot load model.onnx" in rejected["message"]


@pytest.mark.usefixtures("versions")
def test_recreate_starts_the_last_known_good_again_on_its_pool(team: Team) -> None:
    eventually("version 1 answers again", partial(is_available, team, ALONE))
    told = kubectl("describe", "mdep", ALONE, "-n", team.namespace)
    assert "Recreating" in told
    (pod,) = pods(team, ALONE)
    assert pod["metadata"]["labels"]["millwright.dev/node-pool"] == "gpu"
    assert pod["spec"]["nodeSelector"] == {"millwright.dev/pool": "gpu"}


@pytest.mark.usefixtures("versions")
def test_kubectl_scale_and_an_autoscaler_decide_how_many_pods_serve(team: Team) -> None:
    kubectl("scale", f"mdep/{ROLLING}", "-n", team.namespace, "--replicas=0")
    eventually("nothing answers", lambda: not is_available(team, ROLLING))
    eventually("what it predicted is in the payload log", lambda: logged_files(team))
    content = storage().get_object(Bucket=BUCKET, Key=logged_files(team)[0])["Body"].read()
    table = read_parquet(BytesIO(content)).read_all()
    assert table.num_rows > 0 and {"request_id", "input.distance", "output.label"} <= set(table.column_names)
    change(team, ROLLING, replicas=1, autoscaling={"minReplicas": 2, "maxReplicas": 3})
    path = f"/apis/millwright.dev/v1alpha1/namespaces/{team.namespace}/modeldeployments/{ROLLING}/scale"
    eventually("the autoscaler wrote it", lambda: json.loads(kubectl("get", "--raw", path))["spec"]["replicas"] == 2)
    eventually("both answer", lambda: team.status("mdep", ROLLING)["readyReplicas"] == 2)
    made = get("hpa", ROLLING, team.namespace) or {}
    assert made["metadata"]["ownerReferences"][0]["kind"] == "Deployment"
    able = [c["status"] for c in made["status"]["conditions"] if c["type"] == "AbleToScale"]
    assert able == ["True"]
    assert json.loads(kubectl("get", "--raw", path))["status"]["replicas"] == len(pods(team, ROLLING)) == 2


def test_the_next_version_is_tried_and_comes_up_with_as_many_pods(team: Team, versions: Versions) -> None:
    versions.register()
    for name in (ROLLING, ALONE):
        eventually(f"{name} serves version 3", partial(team.serves, "3", name))
    assert "rejectedVersion" not in team.status("mdep", ROLLING)
    assert len(pods(team, ROLLING)) == 2


@pytest.mark.usefixtures("versions")
def test_an_unknown_node_pool_is_named_and_what_serves_goes_on(team: Team) -> None:
    change(team, ALONE, nodePool="tpu")
    eventually("it is stalled", partial(is_stalled, team, ALONE))
    message = team.condition("mdep", "Stalled", ALONE)["message"]
    assert "name one of its pools: cpu, gpu; version 3 goes on serving" in message
    assert is_available(team, ALONE)
    change(team, ALONE, nodePool="gpu")
    eventually("it is ready again", partial(team.serves, "3", ALONE))


def serves_with_all_gpus(team: Team, version: str) -> bool:
    """With a pod on each of them."""
    return team.serves(version, ALONE) and team.status("mdep", ALONE)["readyReplicas"] == int(GPUS_PER_NODE)


def test_on_a_full_pool_a_version_waits_unrejected_and_takes_the_place_of_pods_that_may_leave(
    team: Team, versions: Versions
) -> None:
    change(team, ALONE, replicas=int(GPUS_PER_NODE), template={"resources": {"limits": {"nvidia.com/gpu": "1"}}})
    eventually("a pod is on each GPU", partial(serves_with_all_gpus, team, "3"))
    change(team, ALONE, strategy={"type": "RollingUpdate"})
    with RequestLoop(team.host(ALONE), "/invocations", json.dumps({"dataframe_split": SAMPLE})) as loop:
        versions.register()
        eventually("it has waited for its whole deadline", partial(is_stalled, team, ALONE))
        stalled, status = team.condition("mdep", "Stalled", ALONE), team.status("mdep", ALONE)
        assert stalled["reason"] == "Unschedulable" and "Insufficient nvidia.com/gpu" in stalled["message"]
        assert "when strategy.maxUnavailable lets pods of version 3 go first" in stalled["message"]
        assert (status["candidate"]["version"], status["readyReplicas"]) == ("4", int(GPUS_PER_NODE))
        assert "rejectedVersion" not in status
        change(team, ALONE, strategy={"maxUnavailable": 1})
        eventually("version 4 has all GPUs", partial(serves_with_all_gpus, team, "4"))
    assert loop.failures == [] and set(loop.answered) == {"3", "4"}
    assert "Unschedulable" in kubectl("describe", "mdep", ALONE, "-n", team.namespace)
