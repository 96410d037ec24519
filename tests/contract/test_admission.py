"""What the API server admits, and what it says of what it refuses: the CRDs' own judgement, before any operator's."""

from typing import Any

import pytest
import yaml
from tests.cluster.settings import ROOT
from tests.contract.kube import assert_admitted, assert_refused, dry_run, kubectl

Spec = dict[str, Any]
GATE = {"metric": "roc_auc", "operator": ">=", "threshold": 0.6}
TRAINING: Spec = {"pipeline": {"configMapRef": {"name": "pipe"}}, "output": {"model": "arr-delay"}}
REPLAY: Spec = {"replayOf": {"modelVersion": "7"}, "output": {"model": "arr-delay"}}
PIPELINE_OR_REPLAY = "name what to run by exactly one of pipeline and replayOf"
LEAVE_OUT = "a replay has the parameters, datasets and source of what it repeats: leave them out"
BEST_BY = "bestBy says by which metric an alias with the rule BestBy is chosen: set both, or neither"
SERVING: Spec = {"model": {"name": "arr-delay"}}
IMPORT: Spec = {"uri": "s3://theirs/model.onnx", "format": "onnx"}
DIGEST = "sha256:" + "0" * 64

ACCEPTED: dict[str, tuple[str, Spec]] = {
    "a TrainingRun needs a pipeline and an output": ("TrainingRun", TRAINING),
    "a Model needs nothing": ("Model", {}),
    "a Deployment needs the name of a Model": ("Deployment", SERVING),
    "parameters are of any type": (
        "TrainingRun",
        TRAINING | {"parameters": {"months": "1-3", "rate": 0.1, "deep": True, "layers": [8, 8], "by": {"a": 1}}},
    ),
    "a threshold may be a whole number": ("TrainingRun", TRAINING | {"gates": [GATE | {"threshold": 1}]}),
    "steps may be sent to node pools": (
        "TrainingRun",
        TRAINING | {"nodePools": {"default": "cpu", "accelerator": "gpu", "steps": {"train": "a100"}}},
    ),
    "a replay names a version": ("TrainingRun", REPLAY),
    "a replay names an execution, and how near is near enough": (
        "TrainingRun",
        REPLAY | {"replayOf": {"execution": "arr-delay-0123456789", "tolerance": 0.01}},
    ),
    "a replay may say all that does not decide the result": (
        "TrainingRun",
        REPLAY | {"message": "again", "nodePools": {"default": "cpu"}, "backoffLimit": 1, "queueName": "team"},
    ),
    "a Deployment may have no replicas": ("Deployment", SERVING | {"replicas": 0}),
    "a Deployment may stay on a version": ("Deployment", {"model": {"name": "arr-delay", "version": "7"}}),
    "a variable may have no value": ("Deployment", SERVING | {"template": {"env": [{"name": "DEBUG"}]}}),
    "people may approve versions": ("Model", {"approval": {"policy": "Manual", "approvedVersions": ["1", "2"]}}),
    "a Model may have no alias": ("Model", {"aliases": {}}),
    "a Model may be built on others": ("Model", {"dependsOn": [{"name": "features"}, {"name": "weather"}]}),
    "a Model may take all of its own with it": ("Model", {"deletionPolicy": "Delete"}),
    "a Model may keep its newest versions only": ("Model", {"retention": {"keepVersions": 1}}),
    "an alias may follow the best by a metric": (
        "Model",
        {"aliases": {"champion": "BestBy"}, "bestBy": {"metric": "val/loss: mean", "goal": "Minimize"}},
    ),
    "a Model may import ONNX, which tells its inputs": ("Model", {"import": IMPORT}),
    "a Model may import a folder, with its digest and a sample": (
        "Model",
        {
            "import": {
                "uri": "s3://theirs/a/",
                "format": "mlflow",
                "digest": DIGEST,
                "sample": {"uri": "s3://theirs/s.json"},
            }
        },
    ),
}

REFUSED: dict[str, tuple[str, Spec, str]] = {
    "a field that nobody knows": ("TrainingRun", TRAINING | {"gate": []}, 'unknown field "spec.gate"'),
    "a field that nobody knows, deep inside": (
        "TrainingRun",
        TRAINING | {"gates": [GATE | {"treshold": 1}]},
        'unknown field "spec.gates[0].treshold"',
    ),
    "a node pool that is no name": ("TrainingRun", TRAINING | {"nodePools": {"default": "GPU!"}}, "nodePools.default"),
    "text for a truth value": ("TrainingRun", TRAINING | {"suspend": "yes"}, "spec.suspend"),
    "text for a threshold": ("TrainingRun", TRAINING | {"gates": [GATE | {"threshold": "high"}]}, "threshold"),
    "neither a pipeline nor a replay": ("TrainingRun", {"output": {"model": "m"}}, PIPELINE_OR_REPLAY),
    "both a pipeline and a replay": ("TrainingRun", REPLAY | TRAINING, PIPELINE_OR_REPLAY),
    "a replay of nothing": (
        "TrainingRun",
        REPLAY | {"replayOf": {}},
        "name what to replay by exactly one of modelVersion (of the Model in output) and execution",
    ),
    "a replay of two": (
        "TrainingRun",
        REPLAY | {"replayOf": {"modelVersion": "7", "execution": "a-0123456789"}},
        "name what to replay by exactly one of modelVersion (of the Model in output) and execution",
    ),
    "a replay with parameters": ("TrainingRun", REPLAY | {"parameters": {"months": "1"}}, LEAVE_OUT),
    "a replay with data sets": ("TrainingRun", REPLAY | {"datasets": [{"name": "a", "uri": "s3://a/1"}]}, LEAVE_OUT),
    "a replay with another source": ("TrainingRun", REPLAY | {"source": {"repoURL": "r", "revision": "1"}}, LEAVE_OUT),
    "a replay with gates": (
        "TrainingRun",
        REPLAY | {"gates": [GATE]},
        "a replay registers no version and is compared with the original: leave gates and scenarios out",
    ),
    "a replay of a version that is no number": (
        "TrainingRun",
        REPLAY | {"replayOf": {"modelVersion": "latest"}},
        "spec.replayOf.modelVersion",
    ),
    "a replay of what no execution is named": (
        "TrainingRun",
        REPLAY | {"replayOf": {"execution": "../other"}},
        "spec.replayOf.execution",
    ),
    "a tolerance below none": (
        "TrainingRun",
        REPLAY | {"replayOf": {"modelVersion": "7", "tolerance": -0.1}},
        "greater than or equal to 0",
    ),
    "no output": ("TrainingRun", {"pipeline": TRAINING["pipeline"]}, "spec.output: Required value"),
    "an operator that no gate has": (
        "TrainingRun",
        TRAINING | {"gates": [GATE | {"operator": "=="}]},
        'Unsupported value: "=="',
    ),
    "more attempts than ten": ("TrainingRun", TRAINING | {"backoffLimit": 99}, "less than or equal to 10"),
    "a Model whose name is longer than a label": ("TrainingRun", TRAINING | {"output": {"model": "m" * 64}}, "than 63"),
    "two data sets of one name": (
        "TrainingRun",
        TRAINING | {"datasets": [{"name": "a", "uri": "s3://a/1"}, {"name": "a", "uri": "s3://a/2"}]},
        "Duplicate value",
    ),
    "both an alias and a version": (
        "Deployment",
        {"model": {"name": "m", "alias": "champion", "version": "7"}},
        "set either model.alias (follows the alias) or model.version (stays on it), not both",
    ),
    "fewer replicas than none": ("Deployment", SERVING | {"replicas": -1}, "greater than or equal to 0"),
    "a version that is no number": ("Deployment", {"model": {"name": "m", "version": "latest"}}, "spec.model.version"),
    "a variable that is the operator's": (
        "Deployment",
        SERVING | {"template": {"env": [{"name": "MILLWRIGHT_MODEL_NAME", "value": "x"}]}},
        "variables are set by the operator",
    ),
    "approved versions where nobody approves": (
        "Model",
        {"approval": {"policy": "Automatic", "approvedVersions": ["1"]}},
        "approvedVersions belongs to policy: Manual; remove it or set the policy to Manual",
    ),
    "an alias with a capital letter": ("Model", {"aliases": {"Champion": "Latest"}}, "spec.aliases"),
    "an alias by a rule that nobody knows": ("Model", {"aliases": {"champion": "Best"}}, 'Unsupported value: "Best"'),
    "the same upstream Model twice": ("Model", {"dependsOn": [{"name": "a"}, {"name": "a"}]}, "Duplicate value"),
    "an upstream Model that is a bare name": ("Model", {"dependsOn": ["features"]}, "spec.dependsOn[0]"),
    "a deletion policy that nobody has": ("Model", {"deletionPolicy": "Orphan"}, 'Unsupported value: "Orphan"'),
    "a Model that keeps no version": ("Model", {"retention": {"keepVersions": 0}}, "greater than or equal to 1"),
    "a retention that says nothing": ("Model", {"retention": {}}, "spec.retention.keepVersions: Required value"),
    "an alias by the best of nothing": ("Model", {"aliases": {"champion": "BestBy"}}, BEST_BY),
    "a best that no alias follows": ("Model", {"bestBy": {"metric": "auc", "goal": "Maximize"}}, BEST_BY),
    "a best without a goal": (
        "Model",
        {"aliases": {"champion": "BestBy"}, "bestBy": {"metric": "auc"}},
        "spec.bestBy.goal: Required value",
    ),
    "a goal that nobody knows": (
        "Model",
        {"aliases": {"champion": "BestBy"}, "bestBy": {"metric": "auc", "goal": "max"}},
        'Unsupported value: "max"',
    ),
    "an import of skops without a sample": (
        "Model",
        {"import": IMPORT | {"format": "skops"}},
        "a skops file tells nothing of its inputs: give a sample",
    ),
    "an import of a form that nobody knows": (
        "Model",
        {"import": IMPORT | {"format": "pickle"}},
        'Unsupported value: "pickle"',
    ),
    "an import without a format": ("Model", {"import": {"uri": IMPORT["uri"]}}, "spec.import.format: Required value"),
    "an import from elsewhere than S3": (
        "Model",
        {"import": IMPORT | {"uri": "https://example.org/model.onnx"}},
        "spec.import.uri",
    ),
    "an import of a whole bucket": ("Model", {"import": IMPORT | {"uri": "s3://theirs"}}, "spec.import.uri"),
    "an import by a digest that is none": ("Model", {"import": IMPORT | {"digest": "latest"}}, "spec.import.digest"),
    "a registered name outside of any namespace": ("Model", {"registeredName": "arr"}, "spec.registeredName"),
}


def manifest(namespace: str, kind: str, spec: Spec, name: str = "sample") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "millwright.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(namespace: str, case: str) -> None:
    assert_admitted(manifest(namespace, *ACCEPTED[case]))


@pytest.mark.parametrize("case", REFUSED)
def test_refused(namespace: str, case: str) -> None:
    kind, spec, words = REFUSED[case]
    assert_refused(manifest(namespace, kind, spec), words)


@pytest.mark.parametrize("kind", ["TrainingRun", "Model", "Deployment"])
def test_a_name_longer_than_a_label_is_refused(namespace: str, kind: str) -> None:
    spec = {"TrainingRun": TRAINING, "Model": {}, "Deployment": SERVING}[kind]
    assert dry_run(manifest(namespace, kind, spec, name="n" * 63)).returncode == 0
    assert_refused(manifest(namespace, kind, spec, name="n" * 64), "63")


def test_a_registered_name_cannot_change(namespace: str) -> None:
    def named(name: str) -> dict[str, Any]:
        # Another namespace's, so that an operator that is there makes nothing in MLflow.
        return manifest(namespace, "Model", {"registeredName": f"elsewhere.{name}"}, name="renamed")

    made = kubectl("apply", "-f", "-", stdin=yaml.safe_dump(named("first")))
    assert made.returncode == 0, made.stderr
    assert_refused(named("second"), "registeredName cannot change: make a new Model under the new name")


def test_a_registered_name_cannot_be_taken_away(namespace: str) -> None:
    body = manifest(namespace, "Model", {"registeredName": "elsewhere.kept"}, name="kept")
    assert kubectl("apply", "-f", "-", stdin=yaml.safe_dump(body)).returncode == 0
    assert dry_run(manifest(namespace, "Model", {}, name="kept")).returncode != 0


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("trainingrun.spec.gates", ["Checks on the run's metrics", "Name of a metric", "the same metric of a version"]),
        ("mmodel.spec.approval", ["Who decides that a version may be used", "Versions that people approved"]),
        ("mmodel.spec.bestBy", ["What the rule BestBy means", "the lowest. Of equal versions the newest"]),
        ("mdep.spec.model", ["Which version of which Model", "Serve what this alias points to"]),
    ],
)
def test_kubectl_explains_every_field(namespace: str, path: str, words: list[str]) -> None:
    explained = " ".join(kubectl("explain", path).stdout.split())
    assert [word for word in words if word not in explained] == []


def test_the_samples_are_accepted(namespace: str) -> None:
    built = kubectl("kustomize", str(ROOT / "manifests" / "samples" / "flights"))
    assert built.returncode == 0, built.stderr
    bodies = [body for body in yaml.safe_load_all(built.stdout) if body["kind"] != "Namespace"]
    for body in bodies:
        body["metadata"]["namespace"] = namespace
        assert_admitted(body)
    config_map, run = (next(b for b in bodies if b["kind"] == kind) for kind in ("ConfigMap", "TrainingRun"))
    assert run["spec"]["pipeline"]["configMapRef"]["name"] == config_map["metadata"]["name"]
