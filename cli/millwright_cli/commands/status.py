"""status: one object with what belongs to it, once or live."""

from collections.abc import Callable

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from millwright_cli.core import reading
from millwright_cli.core.errors import NotFound, Unavailable
from millwright_cli.core.kinds import DEPLOYMENT, KINDS, TRAINING_RUN, Kind, Manifest, parse
from millwright_cli.core.overview import Deployment, Model, Run
from millwright_cli.session import Session, command, console
from millwright_cli.views import json
from millwright_cli.views.tree import tree

Shown = Model | Deployment | Run
WATCH_SECONDS = 2.0


@click.command()
@click.argument("reference", metavar="[KIND/]NAME")
@click.option("-w", "--watch", is_flag=True, help="Show changes as they come, until Ctrl-C.")
@command
def status(session: Session, reference: str, watch: bool) -> None:
    """Show how a Model and what belongs to it are doing, or one tr/NAME or mdep/NAME.

    A bare NAME is a Model's, else a Deployment's, else a TrainingRun's.
    """
    kind, name = _found(session, reference)
    if not watch:
        shown = _shown(session, kind, name)
        session.show(shown, tree(shown))
    elif session.as_json:
        _print_changes(session, kind, name)
    else:
        _redraw(session, kind, name)


def _found(session: Session, reference: str) -> tuple[Kind, str]:
    """The object that is meant. Raises NotFound."""
    named = parse(reference)
    kinds = (named.kind,) if named.kind else KINDS
    for kind in kinds:
        try:
            session.cluster.get(kind, session.namespace, named.name)
            return kind, named.name
        except NotFound:
            if len(kinds) == 1:
                raise
    raise NotFound(
        f"namespace {session.namespace} has no Model, Deployment or TrainingRun {named.name}: "
        f"kubectl get mlops -n {session.namespace} lists them; -n names another namespace"
    )


def _shown(session: Session, kind: Kind, name: str) -> Shown:
    """As it is now."""
    cluster, namespace = session.cluster, session.namespace
    body = cluster.get(kind, namespace, name)
    one: dict[Kind, Callable[[Manifest], Shown]] = {DEPLOYMENT: reading.deployment, TRAINING_RUN: reading.run}
    if kind in one:
        return one[kind](body)
    return reading.model(body, cluster.list(DEPLOYMENT, namespace), cluster.list(TRAINING_RUN, namespace))


def _print_changes(session: Session, kind: Kind, name: str) -> None:
    """A line of JSON whenever something is another."""
    last = None
    while True:
        shown = _shown(session, kind, name)
        if shown != last:
            click.echo(json.text(shown, indent=None))
        last = shown
        session.ports.wait(WATCH_SECONDS)


def _redraw(session: Session, kind: Kind, name: str) -> None:
    """The same tree, drawn anew in its place; what was known last while the API does not answer."""
    with Live(console=console(), auto_refresh=False) as live:
        known, outage = tree(_shown(session, kind, name)), ""
        while True:
            live.update(Group(known, Text(outage, "red")), refresh=True)
            session.ports.wait(WATCH_SECONDS)
            try:
                known, outage = tree(_shown(session, kind, name)), ""
            except Unavailable as failure:
                outage = str(failure)
