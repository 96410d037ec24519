"""Manifests, as the Kubernetes API gives them, read into what `status` shows. What is missing is not known yet."""

from collections.abc import Iterable, Mapping
from typing import Any

from millwright_cli.core import rollout_fields
from millwright_cli.core.kinds import Manifest
from millwright_cli.core.overview import (
    READY,
    RECONCILING,
    STALLED,
    Arm,
    Cause,
    Deployment,
    Experiment,
    Health,
    Model,
    Rejected,
    Run,
    Task,
    Version,
)

NOT_LOOKED_AT = "the operator has not looked at this yet"
OVER = ("Succeeded", "Failed")
MOST_RUNS = 5


def health(body: Manifest) -> Health:
    """By the conditions that speak of the present spec."""
    generation = body["metadata"].get("generation")
    told = [c for c in _status(body).get("conditions") or () if c.get("observedGeneration") == generation]
    known = {condition["type"]: condition for condition in told}
    for state in (STALLED, RECONCILING, READY):
        if known.get(state, {}).get("status") == "True":
            return Health(state, known[state]["reason"], known[state]["message"])
    return Health(RECONCILING, "NotObserved", NOT_LOOKED_AT)


def run(body: Manifest) -> Run:
    """A TrainingRun's status."""
    status = _status(body)
    failed = status.get("failure")
    return Run(
        name=_name(body),
        health=health(body),
        state=status.get("state") or "Pending",
        progress=status.get("progressPercentage"),
        attempt=status.get("attempt") or 0,
        model_version=status.get("modelVersion"),
        cost=" ".join((status.get("cost") or {}).get(part, "") for part in ("amount", "currency")).strip() or None,
        tasks=tuple(_task(found) for found in status.get("tasks") or ()),
        failure=_cause(failed) if failed else None,
    )


def deployment(body: Manifest) -> Deployment:
    """A Deployment's status."""
    status, rollout = _status(body), rollout_fields.read(body)
    reference = body["spec"]["model"]
    rejected = status.get(rollout_fields.REJECTED)
    step = rollout.candidate.step if rollout.candidate else None
    return Deployment(
        name=_name(body),
        health=health(body),
        follows=f"version {reference['version']}" if "version" in reference else reference.get("alias") or "champion",
        url=status.get("url"),
        replicas=status.get("replicas") or 0,
        ready_replicas=status.get("readyReplicas") or 0,
        stable=rollout.stable,
        candidate=rollout.candidate,
        step=rollout.steps[step] if step is not None and 0 <= step < len(rollout.steps) else None,
        rejected=Rejected(rejected["version"], rejected["reason"], rejected["message"]) if rejected else None,
        last_known_good=rollout.last_known_good,
        experiment=_experiment(status.get(rollout_fields.EXPERIMENT)),
        paused=rollout.paused,
    )


def model(body: Manifest, deployments: Iterable[Manifest], runs: Iterable[Manifest]) -> Model:
    """A Model with those of the Deployments and TrainingRuns that name it."""
    name, status = _name(body), _status(body)
    shown, older = recent([found for found in runs if found["spec"]["output"]["model"] == name])
    return Model(
        name=name,
        health=health(body),
        registry_url=status.get("registryURL"),
        versions=tuple(_version(entry, status) for entry in status.get("versions") or ()),
        deployments=tuple(deployment(found) for found in deployments if found["spec"]["model"]["name"] == name),
        training_runs=tuple(run(found) for found in shown),
        older_runs=older,
    )


def recent(runs: list[Manifest]) -> tuple[list[Manifest], int]:
    """Those that are not over and, up to five in all, the newest of the others; how many are left out."""
    newest = sorted(runs, key=lambda body: body["metadata"].get("creationTimestamp") or "", reverse=True)
    under_way = [body for body in newest if _status(body).get("state") not in OVER]
    over = [body for body in newest if _status(body).get("state") in OVER]
    shown = [*under_way, *over[: max(MOST_RUNS - len(under_way), 0)]]
    return shown, len(runs) - len(shown)


def _experiment(found: Mapping[str, Any] | None) -> Experiment | None:
    return Experiment(tuple(map(_arm, found.get(rollout_fields.ARMS) or ())), found.get("winner")) if found else None


def _arm(found: Mapping[str, Any]) -> Arm:
    return Arm(
        name=found["name"],
        version=found[rollout_fields.VERSION],
        weight=found.get(rollout_fields.WEIGHT) or 0,
        samples=found.get("samples") or 0,
        required_samples=found.get("requiredSamples"),
        value=found.get("value"),
        effect=found.get("effect"),
        lower=found.get("lower"),
        upper=found.get("upper"),
        verdict=found.get("verdict") or "Undecided",
        message=found.get("message") or "",
    )


def _version(entry: Mapping[str, Any], status: Mapping[str, Any]) -> Version:
    number = entry["version"]
    serving = (f"{d['name']} ({d['role']})" for d in status.get("deployedBy") or () if d["version"] == number)
    return Version(
        version=number,
        approved=bool(entry.get("approved")),
        aliases=tuple(sorted(alias for alias, to in (status.get("aliases") or {}).items() if to == number)),
        training_run=entry.get("trainingRun"),
        imported_from=entry.get("importedFrom"),
        metrics={metric["name"]: metric["value"] for metric in entry.get("metrics") or ()},
        served_by=tuple(serving),
    )


def _task(found: Mapping[str, Any]) -> Task:
    return Task(found["name"], found["state"], found.get("podName"), found.get("nodePool"), found.get("message"))


def _cause(found: Mapping[str, Any]) -> Cause:
    message = found.get("message") or ""
    return Cause(found["reason"], found.get("task"), found.get("podName"), found.get("exitCode"), message)


def _status(body: Manifest) -> Mapping[str, Any]:
    return body.get("status") or {}


def _name(body: Manifest) -> str:
    return str(body["metadata"]["name"])
