"""How many pods a Deployment asks for, by table, and the autoscaler that decides it."""

from typing import Any

import pytest

from millwright.api.deployment import DeploymentSpec
from millwright.core import autoscaling
from millwright.core.execution import ObjectKey

BOUNDS = {"minReplicas": 2, "maxReplicas": 5}
PODS: dict[str, tuple[dict[str, Any], int]] = {
    "one where nothing is said": ({}, 1),
    "as many as are asked for": ({"replicas": 7}, 7),
    "the fewest while the autoscaler has not decided": ({"autoscaling": BOUNDS}, 2),
    "what the autoscaler decided": ({"autoscaling": BOUNDS, "replicas": 4}, 4),
    "no more than the most, where that was lowered": ({"autoscaling": BOUNDS, "replicas": 9}, 5),
    "none, where it was scaled to zero by hand": ({"autoscaling": BOUNDS, "replicas": 0}, 0),
}


@pytest.mark.parametrize(("spec", "expected"), PODS.values(), ids=PODS.keys())
def test_the_pods_are(spec: dict[str, Any], expected: int) -> None:
    assert autoscaling.replicas(DeploymentSpec.model_validate({"model": {"name": "m"}} | spec)) == expected


def test_it_scales_the_deployment_and_not_a_version() -> None:
    bounds = DeploymentSpec.model_validate({"model": {"name": "m"}, "autoscaling": BOUNDS}).autoscaling
    assert bounds is not None
    made = autoscaling.manifest(ObjectKey("flights", "arr-delay"), "uid", bounds)
    assert made["metadata"]["ownerReferences"][0]["uid"] == "uid"
    assert made["spec"] == {
        "scaleTargetRef": {"apiVersion": "millwright.dev/v1alpha1", "kind": "Deployment", "name": "arr-delay"},
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
            }
        ],
    }
