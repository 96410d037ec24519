"""The serving pod: what a Deployment may say of it, where it runs, and what nobody can change."""

from typing import Any

import pytest

from millwright.api.deployment import DeploymentSpec
from millwright.core import serving_pod, version_set
from millwright.core.execution import ObjectKey
from millwright.core.node_pools import InvalidPlacement, NodePool, NodePools, Toleration
from millwright.core.serving_pod import Platform, Target

KEY = ObjectKey("flights", "arr-delay")
TARGET = Target("arr-delay", "1", "s3://models/1", "sha256:1")
GPU = NodePool("gpu", {"pool": "gpu"}, (Toleration(key="nvidia.com/gpu", operator="Exists"),))
CPU = NodePool("cpu", {"pool": "cpu"})
POOLS = NodePools({"cpu": CPU, "gpu": GPU})
PLATFORM = Platform("serving:1", "storage", {"requests": {"cpu": "100m"}}, POOLS)


def spec(**fields: Any) -> DeploymentSpec:
    return DeploymentSpec.model_validate({"model": {"name": "arr-delay"}} | fields)


def template(platform: Platform = PLATFORM, **fields: Any) -> dict[str, Any]:
    return serving_pod.template(KEY, spec(**fields), TARGET, platform, "set-1")


def name(platform: Platform = PLATFORM, **fields: Any) -> str:
    return version_set.name(KEY, spec(**fields), TARGET, platform)


def test_labels_of_the_platform_win() -> None:
    theirs = {"team": "a", "app.kubernetes.io/managed-by": "me", "millwright.dev/version-set": "other"}
    labels = template(template={"metadata": {"labels": theirs}})["metadata"]["labels"]
    assert labels["team"] == "a"
    assert (labels["app.kubernetes.io/managed-by"], labels["millwright.dev/version-set"]) == ("millwright", "set-1")


def test_scraping_can_be_turned_off() -> None:
    made = template(template={"metadata": {"annotations": {"prometheus.io/scrape": "false", "note": "x"}}})
    assert made["metadata"]["annotations"] == {
        "prometheus.io/scrape": "false",
        "prometheus.io/port": "8080",
        "note": "x",
    }


def test_resources_are_the_platforms_until_the_template_names_some() -> None:
    assert template()["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "100m"}}
    own = {"requests": {"cpu": "1"}, "limits": {"nvidia.com/gpu": "1"}}
    assert template(template={"resources": own})["spec"]["containers"][0]["resources"] == own


def test_pods_spread_by_those_of_their_own_version() -> None:
    wanted = {"topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
    made = template(template={"topologySpreadConstraints": [wanted], "priorityClassName": "serving"})["spec"]
    selector = {"matchLabels": {"millwright.dev/version-set": "set-1"}}
    assert made["topologySpreadConstraints"] == [wanted | {"maxSkew": 1, "labelSelector": selector}]
    assert made["priorityClassName"] == "serving"


def test_the_pods_are_restricted_whatever_the_template_says() -> None:
    made = template(template={"env": [{"name": "A", "value": "b"}]}, serviceAccountName="server")["spec"]
    assert made["automountServiceAccountToken"] is False
    assert made["securityContext"]["runAsNonRoot"] is True
    assert made["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_node_pool_places_the_pods_and_labels_them() -> None:
    made = template(nodePool="gpu")
    assert made["spec"]["nodeSelector"] == {"pool": "gpu"}
    assert made["spec"]["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    assert made["metadata"]["labels"]["millwright.dev/node-pool"] == "gpu"


def test_without_one_it_is_the_default_pool_or_any_node() -> None:
    assert "nodeSelector" not in template()["spec"]
    platform = Platform("serving:1", "storage", pools=NodePools({"cpu": CPU}, default="cpu"))
    assert template(platform)["spec"]["nodeSelector"] == {"pool": "cpu"}


def test_an_unknown_pool_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(InvalidPlacement, match=r"spec\.nodePool names node pool tpu, .* one of its pools: cpu, gpu"):
        template(nodePool="tpu")


def test_other_pods_are_another_set_and_other_replicas_or_strategies_are_not() -> None:
    first = name()
    assert first == name(replicas=5) == name(strategy={"type": "Recreate"}) == name(progressDeadlineSeconds=10)
    dearer = NodePools(
        {"cpu": CPU, "gpu": NodePool("gpu", {"pool": "gpu"}, GPU.tolerations, hourly_cost=GPU.hourly_cost + 1)}
    )
    assert name(nodePool="gpu") == name(Platform("serving:1", "storage", PLATFORM.resources, dearer), nodePool="gpu")
    moved = NodePools({"gpu": NodePool("gpu", {"pool": "new"}, GPU.tolerations)})
    others = (
        name(nodePool="gpu"),
        name(Platform("serving:1", "storage", PLATFORM.resources, moved), nodePool="gpu"),
        name(template={"metadata": {"annotations": {"a": "b"}}}),
        name(Platform("serving:2", "storage", PLATFORM.resources, POOLS)),
    )
    assert len({first, *others}) == 5
