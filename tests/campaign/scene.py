"""The Models and Deployments of a round, and what users do to them meanwhile."""

from random import Random

from tests.campaign.api import Manifest
from tests.campaign.kubelet import NEVER_READY
from tests.campaign.story import PIPELINE, Step, pipeline, thing

CHILDREN = ("deployments", "services")
APPROVED = ["1", "3"]


def steps(seed: str, span: float) -> tuple[Step, ...]:
    """All of them."""
    random = Random(f"{seed}/scene")

    def at(earliest: float, latest: float) -> float:
        return random.uniform(earliest, latest) * span

    both = {"aliases": {"champion": "LatestApproved", "challenger": "Latest"}}
    manual = {"approval": {"policy": "Manual"}} | both
    return (
        Step(0.0, "create", "configmaps", PIPELINE, pipeline(PIPELINE)),
        Step(0.0, "create", "models", "auto", thing("Model", "auto", both)),
        Step(0.0, "create", "models", "manual", thing("Model", "manual", manual)),
        Step(at(0.2, 0.5), "create", "models", "late", thing("Model", "late", {})),
        Step(at(0.1, 0.6), "edit", "models", "manual", {"spec": {"approval": {"approvedVersions": APPROVED[:1]}}}),
        Step(at(0.6, 1.0), "edit", "models", "manual", {"spec": {"approval": {"approvedVersions": APPROVED}}}),
        Step(at(0.2, 0.9), "edit", "models", "auto", {"spec": {"description": "edited", "owner": "team@example.org"}}),
        *_served("follows", "auto"),
        Step(at(0.1, 0.5), "edit", "modeldeployments", "follows", {"spec": {"replicas": 3}}),
        Step(at(0.5, 1.0), "edit", "modeldeployments", "follows", {"spec": {"replicas": 2}}),
        *_served("approved", "manual"),
        *_served("pinned", "auto", version="1"),
        *_served("broken", "auto", progressDeadlineSeconds=10),
        Step(
            at(0.3, 0.9),
            "edit",
            "modeldeployments",
            "broken",
            {"spec": {"template": {"annotations": {NEVER_READY: "1"}}}},
        ),
        *_served("gone", "auto"),
        Step(at(0.3, 1.0), "delete", "modeldeployments", "gone"),
        *_served("robbed", "manual"),
        Step(at(0.7, 1.0), "rob", "deployments", "robbed"),
        Step(at(0.7, 1.0), "rob", "services", "robbed"),
    )


def unseen() -> tuple[Step, ...]:
    """All that belongs to a Deployment is taken away."""
    return tuple(Step(1.0, "rob", kind, "follows") for kind in CHILDREN)


def _served(name: str, model: str, **spec: object) -> tuple[Step, ...]:
    reference = {"name": model} | ({"version": spec.pop("version")} if "version" in spec else {})
    body: Manifest = thing("Deployment", name, {"model": reference} | spec)
    return (Step(0.0, "create", "modeldeployments", name, body),)
