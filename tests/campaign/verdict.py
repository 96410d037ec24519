"""What must hold at the end of a round: pure functions over what was found. Each gives sentences on what does not."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.campaign.api import Manifest
from tests.campaign.kubelet import Life
from tests.campaign.ledger import Entry
from tests.campaign.runner import EXECUTION_LABEL, STEP_LABEL
from tests.campaign.story import End, Story

from millwright.api.model import DEFAULT_ALIASES

EXECUTION_TAG = "millwright.execution"
OURS = ("jobs", "configmaps", "services", "deployments", "replicasets", "pods")


@dataclass(frozen=True)
class Found:
    """A namespace, and what MLflow has of it, at one moment."""

    namespace: str
    objects: Mapping[str, Mapping[str, Manifest]]
    runs: Sequence[Mapping[str, Any]] = ()
    versions: Sequence[Mapping[str, Any]] = ()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def all(self, resource: str) -> list[Manifest]:
        """Objects of one kind."""
        return list(self.objects.get(resource, {}).values())


def training_runs(found: Found, stories: Iterable[Story]) -> list[str]:
    """Every TrainingRun has ended as its story says."""
    return [fault for story in stories for fault in _training_run(found, story.name, story.end)]


def _training_run(found: Found, name: str, end: End) -> list[str]:
    body = found.objects["trainingruns"].get(name)
    if body is None or end.state is None:
        return (
            [] if (body is None) == (end.state is None) else [f"{name} is {'gone' if body is None else 'still there'}"]
        )
    status = body.get("status", {})
    execution = status.get("execution", "")
    made = [v["version"] for v in found.versions if tags(v).get(EXECUTION_TAG) == execution]
    is_so = {
        "state": (status.get("state"), end.state),
        "reason": (ready(body).get("reason"), end.reason),
        "generation": (status.get("observedGeneration"), body["metadata"]["generation"]),
        "attempt": (status.get("attempt"), end.attempts),
        "versions": (made, [status.get("modelVersion")] if end.version else []),
        "pruned": (end.pruned and "pipelineRun" in status, False),
        "finalizers": (body["metadata"].get("finalizers", []), []),
    }
    return [f"{name}: {what} is {is_}, not {should}" for what, (is_, should) in is_so.items() if is_ != should]


def ready(body: Manifest) -> Mapping[str, Any]:
    """The Ready condition."""
    conditions = body.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == "Ready"), {})


def executions(found: Found) -> list[str]:
    """Every execution has one MLflow run, which has ended, and at most one version."""
    runs = Counter(_run_key(run) for run in found.runs)
    made = Counter(tags(version).get(EXECUTION_TAG, "") for version in found.versions)
    return [
        *(f"{key} has {count} MLflow runs" for key, count in runs.items() if count > 1),
        *(f"{key} has {count} versions" for key, count in made.items() if count > 1),
        *(f"the MLflow run of {_run_key(run)} is open" for run in found.runs if run["info"]["status"] == "RUNNING"),
    ]


def launches(entries: Iterable[Entry], stories: Iterable[Story]) -> list[str]:
    """Every execution was launched once, unless it may have been stopped meanwhile."""
    once = {story.name for story in stories if story.end.launches is not None}
    made = Counter(
        e.call.about.rpartition("/")[2] for e in entries if e.call.kind.startswith("POST jobs") and e.status == 201
    )
    return [f"{key} was launched {count} times" for key, count in made.items() if count > 1 and _run_of(key) in once]


def _run_of(key: str) -> str:
    return key.removesuffix("-package").rpartition("-")[0]


def overlaps(lives: Iterable[Life]) -> list[str]:
    """No two pipelines of a TrainingRun ran at once."""
    by_run: dict[str, list[Life]] = {}
    for life in lives:
        if life.step == "pipeline":
            by_run.setdefault(life.training_run, []).append(life)
    return [
        f"{later.execution} began before {earlier.execution} ended"
        for of_run in by_run.values()
        for earlier, later in pairwise(sorted(of_run, key=lambda life: life.began))
        if earlier.ended is None or later.began < earlier.ended
    ]


def models(found: Found) -> list[str]:
    """Every Model and its aliases say what its versions say."""
    return [fault for body in found.all("models") for fault in _model(found, body)]


def _model(found: Found, body: Manifest) -> list[str]:
    name, status, spec = body["metadata"]["name"], body.get("status", {}), body["spec"]
    ours = sorted(int(v["version"]) for v in found.versions if v["name"] == f"{found.namespace}.{name}")
    approval = spec.get("approval", {})
    chosen = [n for n in ours if str(n) in approval.get("approvedVersions", [])]
    usable = chosen if approval.get("policy") == "Manual" else ours
    newest = {"LatestApproved": usable, "Latest": ours}
    aliases = spec.get("aliases", DEFAULT_ALIASES)
    wanted = {alias: str(newest[rule][-1]) for alias, rule in aliases.items() if newest[rule]}
    is_so = {
        "Ready": (ready(body).get("status"), "True"),
        "generation": (status.get("observedGeneration"), body["metadata"]["generation"]),
        "latestVersion": (status.get("latestVersion"), str(ours[-1]) if ours else None),
        "aliases": (status.get("aliases", {}), wanted),
        "aliases in MLflow": (found.aliases.get(name, {}), wanted),
    }
    return [f"Model {name}: {what} is {is_}, not {should}" for what, (is_, should) in is_so.items() if is_ != should]


def orphans(found: Found) -> list[str]:
    """Everything has an owner that lives, and what belongs to an execution belongs to one that is told of."""
    owners = {body["metadata"]["uid"] for kind in found.objects for body in found.all(kind)}
    return [
        f"{kind} {body['metadata']['name']} is an orphan"
        for kind in OURS
        for body in found.all(kind)
        if any(owner["uid"] not in owners for owner in body["metadata"].get("ownerReferences", []))
        or not _is_told_of(found, body)
    ]


def _is_told_of(found: Found, body: Manifest) -> bool:
    labels = body["metadata"].get("labels", {})
    if STEP_LABEL not in labels:
        return True
    owner = found.objects["trainingruns"].get(labels["millwright.dev/training-run"], {}).get("status", {})
    told = {entry.get("execution") for entry in owner.get("history", [])} | {owner.get("execution")}
    return labels[EXECUTION_LABEL] in told and "pipelineRun" in owner


def _run_key(run: Mapping[str, Any]) -> str:
    return tags(run["data"]).get(EXECUTION_TAG) or str(run["info"]["run_id"])


def tags(version: Mapping[str, Any]) -> dict[str, str]:
    """Of a version, or of a run's data."""
    return {pair["key"]: pair["value"] for pair in version.get("tags", [])}
