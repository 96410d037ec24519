"""The tree that `status` shows."""

from collections.abc import Mapping

import yaml
from rich.text import Text
from rich.tree import Tree

from millwright_cli.core.overview import READY, STALLED, Arm, Deployment, Health, Model, Run, Task, Version
from millwright_cli.core.rollout_fields import Served

STYLES = {
    "Ready": "green",
    "Succeeded": "green",
    "Cached": "green",
    "Stalled": "red",
    "Failed": "red",
    "Reconciling": "yellow",
    "Running": "yellow",
    "Packaging": "yellow",
    "Registering": "yellow",
}
VERDICTS = {"Better": "green", "Worse": "red", "Failed": "red"}
MARKS = {"Succeeded": "✔", "Cached": "✔", "Failed": "✖", "Running": "▶", "Skipped": "–"}
WAITING = "○"
MOST_METRICS = 3


def tree(shown: Model | Deployment | Run) -> Tree:
    """One object with what belongs to it."""
    if isinstance(shown, Model):
        return _model(shown)
    return _deployment(shown) if isinstance(shown, Deployment) else _run(shown, with_tasks=True)


def _model(model: Model) -> Tree:
    made = Tree(_headline(model.kind, model.name, model.health))
    _explained(made, model.health)
    for version in model.versions:
        made.add(_version(version))
    if not model.versions:
        made.add(Text("no version yet", "dim"))
    for deployment in model.deployments:
        made.add(_deployment(deployment))
    for run in model.training_runs:
        made.add(_run(run, with_tasks=run.state != "Succeeded"))
    if model.older_runs:
        made.add(Text(f"{model.older_runs} more TrainingRuns that are over", "dim"))
    return made


def _version(version: Version) -> Text:
    approved = ("approved", "green") if version.approved else ("not approved", "yellow")
    origin = f"of TrainingRun {version.training_run}" if version.training_run else ""
    imported = f"from {version.imported_from}" if version.imported_from else ""
    served = f"served by {', '.join(version.served_by)}" if version.served_by else ""
    parts = (_metrics(version.metrics), origin, imported, (served, "bold"))
    return _line((f"version {version.version}", "bold"), approved, (", ".join(version.aliases), "cyan"), *parts)


def _deployment(deployment: Deployment) -> Tree:
    follows = deployment.follows if " " in deployment.follows else f"follows {deployment.follows}"
    paused = ("paused", "magenta") if deployment.paused else ""
    made = Tree(_headline(deployment.kind, deployment.name, deployment.health, follows, paused))
    _explained(made, deployment.health)
    if deployment.stable:
        pods = f"{deployment.ready_replicas} of {deployment.replicas} pods answer"
        made.add(_served("stable", deployment.stable, pods))
    if deployment.candidate:
        made.add(_served("candidate", deployment.candidate, _step(deployment)))
    if deployment.experiment:
        for arm in deployment.experiment.arms:
            made.add(_arm(arm, is_best=deployment.experiment.winner == arm.version))
    if deployment.rejected:
        rejected = deployment.rejected
        made.add(_line(("rejected", "red"), f"version {rejected.version}", f"{rejected.reason}: {rejected.message}"))
    if deployment.last_known_good and deployment.last_known_good != getattr(deployment.stable, "version", None):
        made.add(_line("last known good", f"version {deployment.last_known_good}"))
    return made


def _served(role: str, served: Served, more: str) -> Text:
    weight = f"{served.weight} %" if served.weight is not None else ""
    return _line(role, (f"version {served.version}", "bold"), weight, more)


def _arm(arm: Arm, is_best: bool) -> Text:
    """`arm challenger  version 8  20 %  5211 of 4720 samples  12.70%  +2.40 points (+0.60 to +4.20)  Better`."""
    version = f"version {arm.version}" if arm.name != arm.version else ""
    planned = f" of {arm.required_samples}" if arm.required_samples is not None else ""
    best = ("the best", "bold green") if is_best else ""
    verdict, why = (arm.verdict, VERDICTS.get(arm.verdict, "")), arm.message if arm.verdict == "Failed" else ""
    samples = f"{arm.samples:.0f}{planned} samples"
    return _line((f"arm {arm.name}", "bold"), version, f"{arm.weight} %", samples, *_effect(arm), verdict, best, why)


def _effect(arm: Arm) -> tuple[str, ...]:
    if arm.value is None or arm.effect is None or arm.lower is None or arm.upper is None:
        return ()
    points = [f"{share * 100:+.2f}" for share in (arm.effect, arm.lower, arm.upper)]
    return f"{arm.value:.2%}", f"{points[0]} points ({points[1]} to {points[2]})"


def _step(deployment: Deployment) -> str:
    """Counted from 0, as `promote --step` does."""
    step = deployment.candidate.step if deployment.candidate else None
    if step is None:
        return ""
    told = yaml.safe_dump(deployment.step, default_flow_style=True, width=1000).strip() if deployment.step else ""
    return f"at step {step} {told}".strip()


def _run(run: Run, with_tasks: bool) -> Tree:
    progress = f"{run.progress} %" if run.progress is not None and run.state == "Running" else ""
    attempt = f"attempt {run.attempt}" if run.attempt > 1 else ""
    became = f"became version {run.model_version}" if run.model_version else ""
    state = (run.state, STYLES.get(run.state, ""))
    made = Tree(_line((f"{run.kind} {run.name}", "bold"), state, progress, attempt, became, run.cost or ""))
    if run.state != "Succeeded":
        _explained(made, run.health)
    for task in run.tasks if with_tasks else ():
        made.add(_task(task))
    if run.failure:
        where = run.failure.pod_name or ""
        code = f"exit code {run.failure.exit_code}" if run.failure.exit_code is not None else ""
        failed = made.add(_line((run.failure.reason, "red"), run.failure.task or "", where, code))
        if run.failure.message:
            failed.add(Text(run.failure.message.strip(), "dim"))
    return made


def _task(task: Task) -> Text:
    mark = (f"{MARKS.get(task.state, WAITING)} {task.name}", STYLES.get(task.state, "dim"))
    pool = f"on {task.node_pool}" if task.node_pool else ""
    return _line(mark, task.state, pool, task.pod_name or "", task.message or "")


def _headline(kind: str, name: str, health: Health, *more: str | tuple[str, str]) -> Text:
    return _line((f"{kind} {name}", "bold"), (health.state, STYLES[health.state]), *more)


def _explained(made: Tree, health: Health) -> None:
    """The operator's words, where not all is well."""
    if health.state != READY:
        made.add(Text(f"{health.reason}: {health.message}", "red" if health.state == STALLED else "dim"))


def _metrics(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in list(metrics.items())[:MOST_METRICS])


def _line(*parts: str | tuple[str, str]) -> Text:
    """Two spaces between the parts that say something. Texts of the cluster are never taken for markup."""
    told = [part if isinstance(part, tuple) else (part, "") for part in parts]
    return Text("  ").join(Text(text, style) for text, style in told if text)
