"""approve, replay: what people do with the versions of a Model."""

from dataclasses import dataclass
from functools import partial

import click

from millwright_cli.commands.writing import edit
from millwright_cli.core import approvals, replays
from millwright_cli.core.errors import NotFound
from millwright_cli.core.kinds import MODEL, TRAINING_RUN, Manifest, named
from millwright_cli.core.replays import OfVersion
from millwright_cli.session import Session, command


@dataclass(frozen=True)
class Made:
    """An object that was made."""

    kind: str
    namespace: str
    name: str
    spec: Manifest


@click.command()
@click.argument("model")
@click.argument("version")
@command
def approve(session: Session, model: str, version: str) -> None:
    """Let a version of a Model be used."""
    edit(session, MODEL, named(model, MODEL), partial(approvals.approve, version=version))


@click.command()
@click.argument("what", metavar="MODEL:VERSION|TRAININGRUN[/KEY]")
@command
def replay(session: Session, what: str) -> None:
    """Run again what made a version, or an execution of a TrainingRun (its last one, without a key)."""
    manifest = _replay(session, what)
    name = session.cluster.create(TRAINING_RUN, session.namespace, manifest)
    follow = f"kubectl millwright status tr/{name} -n {session.namespace} --watch"
    told = f"TrainingRun {name} is made: {follow} shows whether the metrics are the same"
    session.show(Made(TRAINING_RUN.kind, session.namespace, name, manifest["spec"]), told)


def _replay(session: Session, what: str) -> Manifest:
    named = replays.parse(what)
    if isinstance(named, OfVersion):
        return replays.of_version(named, session.namespace, _maker(session, named))
    return replays.of_run(named, session.cluster.get(TRAINING_RUN, session.namespace, named.name))


def _maker(session: Session, what: OfVersion) -> Manifest | None:
    """The TrainingRun that made the version, where it can be told and is still there."""
    body = session.cluster.get(MODEL, session.namespace, what.model)
    made_by = replays.maker(body, what.version)
    try:
        return session.cluster.get(TRAINING_RUN, session.namespace, made_by) if made_by else None
    except NotFound:
        return None
