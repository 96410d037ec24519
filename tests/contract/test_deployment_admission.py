"""What the API server admits of a Deployment's replicas, autoscaling and pods, and what it says of what it refuses."""

import json
from typing import Any

import pytest
import yaml
from tests.contract.kube import assert_admitted, assert_refused, dry_run, kubectl
from tests.contract.test_admission import SERVING, Spec, manifest
from tests.contract.test_rollout_admission import PRIMARY, ROUTE

AUTOSCALED: Spec = SERVING | {"autoscaling": {"maxReplicas": 5}}
REPLICAS_OR_AUTOSCALING = "set either replicas or autoscaling, not both"
APPARMOR = {"container.apparmor.security.beta.kubernetes.io/server": "unconfined"}


def with_template(**template: Any) -> Spec:
    """A Deployment that says something of its pods."""
    return SERVING | {"template": template}


def with_runtime(**runtime: Any) -> Spec:
    """A Deployment with another server."""
    return SERVING | {"runtime": runtime}


ERRORS = {"name": "error-rate", "max": 0.01}
BY_QUERY = {"name": "errors", "query": "sum(errors)", "max": 1}
GUARDED = {"arms": [{"version": "8", "weight": 50}], "primary": PRIMARY, "guardrails": [ERRORS]}
ACCEPTED: dict[str, Spec] = {
    "an autoscaler": AUTOSCALED,
    "an autoscaler by the CPU that the template requests": AUTOSCALED
    | with_template(resources={"requests": {"cpu": "1"}}),
    "Recreate on a node pool": SERVING | {"nodePool": "gpu", "strategy": {"type": "Recreate"}},
    "labels, variables, spread and priority of the pods": with_template(
        metadata={"labels": {"team": "a"}, "annotations": {"example.org/note": "x"}},
        env=[
            {"name": "MILLWRIGHT_THREADS", "value": "2"},
            {"name": "MILLWRIGHT_BATCH_MAX_ROWS", "value": "32"},
            {"name": "MILLWRIGHT_LOG_URI", "value": "s3://data/log"},
            {"name": "OMP_NUM_THREADS", "value": "2"},
        ],
        topologySpreadConstraints=[{"topologyKey": "topology.kubernetes.io/zone"}],
        priorityClassName="serving",
    ),
    "a server of its own with the fewest fields": with_runtime(image="kserve/sklearnserver:v0.15.0"),
    "a server of its own with all of them": with_runtime(
        type="Custom",
        image="registry.example.org:5000/team/server@" + "sha256:" + "0" * 64,
        command=["python", "-m", "server"],
        args=["--model_name=$(MODEL_NAME)", "--model_dir=/mnt/models"],
        port=9000,
    ),
    "MLflow in the platform's image": with_runtime(type="MLflow"),
    "MLflow in a team's image, judged by the platform's counters": with_runtime(type="MLflow", image="team/torch:1")
    | {"strategy": {"type": "Canary"}, "analysis": {"metrics": [ERRORS]}},
    "a server of its own that is judged by a query": with_runtime(image="a")
    | {"strategy": {"type": "Canary"}, "analysis": {"metrics": [BY_QUERY]}},
}
REFUSED: dict[str, tuple[Spec, str]] = {
    "a variable that would take another package": (
        with_template(env=[{"name": "MILLWRIGHT_PACKAGE_DIGEST", "value": "x"}]),
        "variables are set by the operator",
    ),
    "a variable that would compare with another server": (
        with_template(env=[{"name": "MILLWRIGHT_COMPARE_URL", "value": "http://x"}]),
        "variables are set by the operator",
    ),
    "a label that is the operator's": (
        with_template(metadata={"labels": {"millwright.dev/version-set": "x"}}),
        "labels under millwright.dev/ are set by the operator; remove them",
    ),
    "a label that is none": (with_template(metadata={"labels": {"team": "a b"}}), "spec.template.metadata.labels.team"),
    "an annotation that loosens the pods' security": (
        with_template(metadata={"annotations": APPARMOR}),
        "the pods' security is the platform's; remove them",
    ),
    "a security context": (with_template(securityContext={}), 'unknown field "spec.template.securityContext"'),
    "both replicas and autoscaling": (AUTOSCALED | {"replicas": 3}, REPLICAS_OR_AUTOSCALING),
    "autoscaling without an upper bound": (SERVING | {"autoscaling": {}}, "maxReplicas: Required value"),
    "autoscaling between bounds that cross": (
        SERVING | {"autoscaling": {"minReplicas": 6, "maxReplicas": 5}},
        "minReplicas must not be more than maxReplicas",
    ),
    "autoscaling to none": (
        SERVING | {"autoscaling": {"minReplicas": 0, "maxReplicas": 5}},
        "greater than or equal to 1",
    ),
    "autoscaling by CPU that the pods do not request": (
        AUTOSCALED | with_template(resources={"requests": {"memory": "1Gi"}}),
        "name cpu in template.resources.requests",
    ),
    "a runtime that names no image": (with_runtime(), "name the image of your server in runtime.image"),
    "a runtime that nobody knows": (with_runtime(type="Triton", image="a"), 'Unsupported value: "Triton"'),
    "a command for the platform's own server": (
        with_runtime(type="MLflow", command=["sh"]),
        "command, args and port are for a Custom runtime",
    ),
    "a port that only root has": (with_runtime(image="a", port=80), "greater than or equal to 1024"),
    "an image that is a sentence": (with_runtime(image="my image"), "spec.runtime.image"),
    "a shadow that nothing would compare": (
        with_runtime(image="a") | ROUTE | {"strategy": {"type": "Shadow"}},
        "answers to copied requests are compared by the platform's own server, not by a Custom runtime",
    ),
    "copied requests that nothing would compare": (
        with_runtime(image="a") | ROUTE | {"strategy": {"type": "Canary", "steps": [{"mirror": 10}]}},
        "take a strategy without mirror",
    ),
    "a payload log without credentials": (
        with_runtime(type="MLflow") | with_template(env=[{"name": "MILLWRIGHT_LOG_SAMPLE", "value": "1"}]),
        "the payload log is written with credentials that a runtime does not get",
    ),
    "an analysis by counters that a server of its own has not": (
        with_runtime(image="a") | {"strategy": {"type": "Canary"}, "analysis": {"metrics": [BY_QUERY, ERRORS]}},
        "give each metric of the analysis and each guardrail a query",
    ),
    "a guardrail by such a counter": (
        with_runtime(image="a") | ROUTE | {"strategy": {"type": "Experiment", "experiment": GUARDED}},
        "give each metric of the analysis and each guardrail a query",
    ),
    "a strategy that nobody knows": (SERVING | {"strategy": {"type": "Guess"}}, 'Unsupported value: "Guess"'),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(namespace: str, case: str) -> None:
    assert_admitted(manifest(namespace, "Deployment", ACCEPTED[case]))


@pytest.mark.parametrize("case", REFUSED)
def test_refused(namespace: str, case: str) -> None:
    spec, words = REFUSED[case]
    assert_refused(manifest(namespace, "Deployment", spec), words)


def applied(body: dict[str, Any]) -> dict[str, Any]:
    """The object as it stands after an apply."""
    made = kubectl("apply", "-f", "-", "-o", "json", stdin=yaml.safe_dump(body))
    assert made.returncode == 0, made.stderr
    return dict(json.loads(made.stdout))


def test_autoscaling_is_not_switched_on_beside_replicas_that_are_written_down(namespace: str) -> None:
    applied(manifest(namespace, "Deployment", SERVING | {"replicas": 3}, name="fixed"))
    assert_refused(
        manifest(namespace, "Deployment", AUTOSCALED | {"replicas": 3}, name="fixed"), REPLICAS_OR_AUTOSCALING
    )
    assert dry_run(manifest(namespace, "Deployment", AUTOSCALED, name="fixed")).returncode == 0


@pytest.mark.parametrize("spec", [SERVING, AUTOSCALED], ids=["without autoscaling", "with autoscaling"])
def test_what_is_written_through_scale_stays_when_the_files_are_applied_again(namespace: str, spec: Spec) -> None:
    body = manifest(namespace, "Deployment", spec, name="scaled")
    path = f"/apis/millwright.dev/v1alpha1/namespaces/{namespace}/modeldeployments/scaled/scale"
    assert applied(body)["spec"]["replicas"] == 1
    assert json.loads(kubectl("get", "--raw", path).stdout)["spec"] == {"replicas": 1}
    scaled = kubectl("scale", "mdep/scaled", "-n", namespace, "--replicas=4")
    assert scaled.returncode == 0, scaled.stderr
    assert json.loads(kubectl("get", "--raw", path).stdout)["spec"] == {"replicas": 4}
    assert applied(body)["spec"]["replicas"] == 4
    assert kubectl("delete", "mdep/scaled", "-n", namespace).returncode == 0
