"""What the API server admits of roll-outs, and what it says of what it refuses."""

from typing import Any

import pytest
from tests.contract.kube import assert_admitted, assert_refused
from tests.contract.test_admission import SERVING, Spec, manifest

ROUTE = {"route": {"gateway": {"name": "public", "namespace": "gateways"}, "hostname": "arr-delay.example.org"}}


def strategy(kind: str | None = None, *steps: dict[str, Any], **fields: Any) -> Spec:
    """A Deployment that is rolled out so."""
    chosen: dict[str, Any] = ({"type": kind} if kind else {}) | ({"steps": list(steps)} if steps else {})
    return SERVING | {"strategy": chosen} | fields


PRIMARY = {"name": "bookings", "hits": "b", "total": "o", "direction": "Increase", "minimumDetectableEffect": 0.02}


def experiment(*arms: dict[str, Any], **fields: Any) -> Spec:
    """A Deployment that tries these arms behind a Gateway."""
    asked = {"arms": list(arms), "primary": PRIMARY} | fields
    return SERVING | ROUTE | {"strategy": {"type": "Experiment", "experiment": asked}}


def analysis(*metrics: dict[str, Any], **fields: Any) -> Spec:
    """A canary that is judged by these metrics."""
    return strategy("Canary", analysis={"metrics": list(metrics)} | fields)


ACCEPTED: dict[str, Spec] = {
    "a canary with every kind of step": strategy(
        "Canary",
        {"setReplicas": 2},
        {"mirror": 50},
        {"setWeight": 10},
        {"pause": {"seconds": 60}},
        {"analysis": {}},
        {"pause": {}},
        **ROUTE,
    ),
    "a canary that weighs by pods": strategy("Canary", {"setWeight": 10}),
    "pods that may be missing on full nodes": SERVING | {"strategy": {"maxUnavailable": 1}},
    "a share of pods that may be missing": SERVING | {"strategy": {"type": "Canary", "maxUnavailable": "25%"}},
    "strategies with steps of their own": strategy("BlueGreen"),
    "a shadow behind a Gateway": strategy("Shadow", **ROUTE),
    "decisions of people": strategy(
        "Canary", rollout={"paused": True, "promote": {"version": "8", "step": 2}, "abort": ["7"]}
    ),
    "every metric": analysis(
        {"name": "error-rate", "max": 0.01},
        {"name": "latency-p99-ms", "max": 50},
        {"name": "latency-p99.9-ms", "max": 2.5},
        {"name": "agreement", "min": 0.9},
        {"name": "prediction-drift", "max": 0.2},
        {"name": "gpu-memory", "query": "max(gpu_memory)", "max": 10},
        intervalSeconds=30,
        failureLimit=3,
        confidence=0.99,
    ),
    "an error rate beside stable's": analysis({"name": "error-rate", "maxIncrease": 0.01}),
    "an experiment with the fewest fields": experiment({"version": "8", "weight": 50}),
    "an experiment with all of them": experiment(
        *({"version": str(number), "weight": 10} for number in range(2, 7)),
        {"alias": "challenger", "weight": 10},
        {"alias": "latest", "weight": 39},
        assignment={"cookie": {"name": "arm", "lifetimeSeconds": 1209600}},
        primary=PRIMARY | {"baseline": 0.1},
        guardrails=[{"name": "error-rate", "maxIncrease": 0.01}]
        + [{"name": f"m{number}", "query": "x", "max": 1} for number in range(7)],
        intervalSeconds=60,
        confidence=0.99,
        power=0.9,
        maxDurationSeconds=1209600,
        whenDecided="Promote",
        bandit={"algorithm": "thompson", "minWeight": 5, "maxWeight": 60},
    ),
    "twenty steps and sixteen metrics": strategy(
        "Canary",
        *({"setWeight": share} for share in range(1, 21)),
        analysis={"metrics": [{"name": f"m{number}", "query": "x", "max": 1} for number in range(16)]},
    ),
}
REFUSED: dict[str, tuple[Spec, str]] = {
    "a step that does two things": (
        strategy("Canary", {"setWeight": 10, "pause": {}}),
        "a step has exactly one of setWeight, mirror, setReplicas, pause, analysis",
    ),
    "a step that does nothing": (strategy("Canary", {}), "a step has exactly one of"),
    "steps of a strategy that has none": (strategy("RollingUpdate", {"pause": {}}), "steps are for Canary, BlueGreen"),
    "steps of no strategy": (strategy(None, {"pause": {}}), "steps are for Canary, BlueGreen"),
    "no steps at all": (SERVING | {"strategy": {"type": "Canary", "steps": []}}, "should have at least 1 items"),
    "a share for a shadow": (strategy("Shadow", {"setWeight": 10}, **ROUTE), "setWeight is for Canary"),
    "copies for a blue-green candidate": (
        strategy("BlueGreen", {"mirror": 10}, **ROUTE),
        "mirror is for Canary and Shadow",
    ),
    "copies without a Gateway": (strategy("Canary", {"mirror": 10}), "a Gateway copies the requests: set route"),
    "a shadow without a Gateway": (strategy("Shadow"), "a Gateway copies the requests: set route"),
    "pods that may be missing of two full sets": (
        SERVING | {"strategy": {"type": "BlueGreen", "maxUnavailable": 1}},
        "maxUnavailable is for RollingUpdate, Canary and Experiment",
    ),
    "less than no pod missing": (SERVING | {"strategy": {"maxUnavailable": -1}}, "greater than or equal to 0"),
    "more than all pods missing": (SERVING | {"strategy": {"maxUnavailable": "101%"}}, "spec.strategy.maxUnavailable"),
    "missing pods that are no number": (
        SERVING | {"strategy": {"maxUnavailable": "one"}},
        "spec.strategy.maxUnavailable",
    ),
    "a share of more than all": (strategy("Canary", {"setWeight": 101}), "less than or equal to 100"),
    "a metric without a bound": (analysis({"name": "error-rate"}), "a metric has exactly one bound"),
    "a metric with two bounds": (
        analysis({"name": "error-rate", "max": 1, "min": 0}),
        "a metric has exactly one bound",
    ),
    "a metric that nobody knows": (analysis({"name": "errors", "max": 1}), "without a query the name is error-rate"),
    "an agreement that may be at most": (analysis({"name": "agreement", "max": 1}), "agreement needs min"),
    "a latency between the buckets": (analysis({"name": "latency-p99-ms", "max": 42}), "one of the servers' buckets"),
    "a query beside stable's": (analysis({"name": "x", "query": "x", "maxIncrease": 0.1}), "needs max or min"),
    "the same metric twice": (
        analysis({"name": "error-rate", "max": 1}, {"name": "error-rate", "max": 0.5}),
        "Duplicate value",
    ),
    "an analysis of what gets no request": (
        strategy("BlueGreen", analysis={"metrics": [{"name": "error-rate", "max": 1}]}),
        "analysis judges a candidate that gets requests",
    ),
    "an experiment without a Gateway": (
        {name: value for name, value in experiment({"version": "8", "weight": 50}).items() if name != "route"},
        "a Gateway shares the requests among the versions of an experiment: set route",
    ),
    "an Experiment that says nothing": (strategy("Experiment", **ROUTE), "need each other"),
    "an experiment of a canary": (
        experiment({"version": "8", "weight": 50})
        | {
            "strategy": {"type": "Canary", "experiment": {"arms": [{"version": "8", "weight": 50}], "primary": PRIMARY}}
        },
        "need each other",
    ),
    "steps of an experiment": (strategy("Experiment", {"pause": {}}, **ROUTE), "steps are for Canary, BlueGreen"),
    "an analysis beside an experiment": (
        experiment({"version": "8", "weight": 50}) | {"analysis": {"metrics": [{"name": "error-rate", "max": 1}]}},
        "an Experiment has guardrails",
    ),
    "no arms": (experiment(), "should have at least 1 items"),
    "an arm that is nothing": (experiment({"weight": 50}), "an arm has either version or alias"),
    "an arm that is two things": (
        experiment({"version": "8", "alias": "latest", "weight": 50}),
        "an arm has either version or alias",
    ),
    "an arm twice": (
        experiment({"alias": "latest", "weight": 10}, {"alias": "latest", "weight": 20}),
        "each version or alias is an arm only once",
    ),
    "arms that leave nothing": (
        experiment({"version": "8", "weight": 50}, {"version": "9", "weight": 50}),
        "the weights of the arms must leave something",
    ),
    "a guardrail of mirrored requests": (
        experiment({"version": "8", "weight": 50}, guardrails=[{"name": "agreement", "min": 0.9}]),
        "agreement is of mirrored requests",
    ),
    "a guardrail without a bound": (
        experiment({"version": "8", "weight": 50}, guardrails=[{"name": "error-rate"}]),
        "a metric has exactly one bound",
    ),
    "a bandit whose bounds are crossed": (
        experiment({"version": "8", "weight": 50}, bandit={"algorithm": "thompson", "minWeight": 20, "maxWeight": 10}),
        "minWeight must not be more than maxWeight",
    ),
    "a bandit that gives everybody too much": (
        experiment(
            {"version": "8", "weight": 10},
            {"version": "9", "weight": 10},
            bandit={"algorithm": "thompson", "minWeight": 40},
        ),
        "all together 100 at most",
    ),
    "a cookie that is none": (
        experiment({"version": "8", "weight": 50}, assignment={"cookie": {"name": "a b"}}),
        "assignment.cookie.name",
    ),
    "an effect of nothing": (
        experiment({"version": "8", "weight": 50}, primary=PRIMARY | {"minimumDetectableEffect": 0}),
        "are shares of more than 0",
    ),
    "a version that is none": (strategy("Canary", rollout={"abort": ["seven"]}), "spec.rollout.abort[0]"),
    "a route without a Gateway": (SERVING | {"route": {"hostname": "a.example.org"}}, "spec.route.gateway: Required"),
    "a host name that is none": (
        SERVING | {"route": {"gateway": {"name": "public"}, "hostname": "https://a"}},
        "spec.route.hostname",
    ),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(namespace: str, case: str) -> None:
    assert_admitted(manifest(namespace, "Deployment", ACCEPTED[case]))


@pytest.mark.parametrize("case", REFUSED)
def test_refused(namespace: str, case: str) -> None:
    spec, words = REFUSED[case]
    assert_refused(manifest(namespace, "Deployment", spec), words)
