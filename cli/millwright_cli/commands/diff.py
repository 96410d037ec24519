"""diff: two versions of a Model side by side."""

import click

from millwright_cli.core import comparison, version_facts
from millwright_cli.core.comparison import Facts
from millwright_cli.core.errors import Failure, NotFound, Unavailable
from millwright_cli.core.kinds import CONFIG_MAP, MODEL, TRAINING_RUN, Manifest, named
from millwright_cli.ports import Registry
from millwright_cli.session import Session, command
from millwright_cli.views import differences

HINT = "MLflow knows more: name it by --tracking-uri or MLFLOW_TRACKING_URI, for example through kubectl port-forward"


@click.command()
@click.argument("model")
@click.argument("first")
@click.argument("second")
@click.option(
    "--tracking-uri",
    envvar="MLFLOW_TRACKING_URI",
    metavar="URL",
    help="MLflow as this machine reaches it; the URL in the Model's status by default. [env: MLFLOW_TRACKING_URI]",
)
@command
def diff(session: Session, model: str, first: str, second: str, tracking_uri: str | None) -> None:
    """Compare two versions of a Model: parameters, metrics, data and what they were made of."""
    body = session.cluster.get(MODEL, session.namespace, named(model, MODEL))
    one, other = _facts(session, body, (first, second), tracking_uri)
    found = comparison.compare(body["metadata"]["name"], one, other)
    session.show(found, *differences.tables(found))
    for note in found.notes if not session.as_json else ():
        session.note(f"note: {note}")


def _facts(session: Session, body: Manifest, versions: tuple[str, str], url: str | None) -> list[Facts]:
    """Of both from the same place: of MLflow where it answers, else of the cluster."""
    status = body.get("status") or {}
    reached = url or str(status.get("registryURL") or "").partition("/#/")[0]
    if not reached:
        return _from_cluster(session, body, versions, (HINT,))
    registry, name = session.ports.registry(reached), str(status.get("registeredName"))
    try:
        return [_from_mlflow(registry, name, version) for version in versions]
    except NotFound:
        raise
    except Failure as failure:
        if url and not isinstance(failure, Unavailable):
            raise
        return _from_cluster(session, body, versions, (f"{failure}, so this is what the cluster knows", HINT))


def _from_mlflow(registry: Registry, name: str, version: str) -> Facts:
    return version_facts.from_mlflow(version, registry.version(name, version))


def _from_cluster(session: Session, body: Manifest, versions: tuple[str, str], notes: tuple[str, ...]) -> list[Facts]:
    entries = {entry["version"]: entry for entry in (body.get("status") or {}).get("versions") or ()}
    missing = [version for version in versions if version not in entries]
    if missing:
        known = ", ".join(entries) or "none yet"
        name = body["metadata"]["name"]
        raise NotFound(f"Model {name} tells of no version {missing[0]} (its newest: {known}). {'. '.join(notes)}")
    found = [version_facts.from_cluster(entries[v], _copy(session, entries[v])) for v in versions]
    return [Facts(facts.version, facts.sections, (*facts.notes, *notes)) for facts in found]


def _copy(session: Session, entry: Manifest) -> dict[str, str] | None:
    """What the execution that became the version was launched with, where the cluster still has it."""
    if not entry.get("trainingRun"):
        return None
    try:
        run = session.cluster.get(TRAINING_RUN, session.namespace, entry["trainingRun"])
        key = version_facts.execution_of(entry["version"], run)
        return session.cluster.get(CONFIG_MAP, session.namespace, key).get("data") if key else None
    except NotFound:
        return None
