"""promote, abort, rollback, pause, resume: how people steer the roll-out of a Deployment."""

from functools import partial

import click

from millwright_cli.commands.writing import Edit, edit
from millwright_cli.core import rollouts
from millwright_cli.core.errors import Failure
from millwright_cli.core.kinds import DEPLOYMENT, named
from millwright_cli.session import Session, command


@click.command()
@click.argument("deployment")
@click.option("--step", type=click.IntRange(min=0), help="Approve the pauses up to this step, counted from 0.")
@click.option("--full", is_flag=True, help="Approve all pauses.")
@command
def promote(session: Session, deployment: str, step: int | None, full: bool) -> None:
    """Let the version on its way pass the pause that it is at."""
    if full and step is not None:
        raise Failure("--full approves all steps: leave out --step")
    _edit(session, deployment, partial(rollouts.promote, step=step, full=full))


@click.command()
@click.argument("deployment")
@command
def abort(session: Session, deployment: str) -> None:
    """Give up the version that is on its way."""
    _edit(session, deployment, rollouts.abort)


@click.command()
@click.argument("deployment")
@click.option("--to", metavar="VERSION", help="Version to go back to; the one that served before by default.")
@command
def rollback(session: Session, deployment: str, to: str | None) -> None:
    """Go back to a version that served before."""
    _edit(session, deployment, partial(rollouts.rollback, to=to))


@click.command()
@click.argument("deployment")
@command
def pause(session: Session, deployment: str) -> None:
    """Hold a roll-out where it is."""
    _edit(session, deployment, rollouts.pause)


@click.command()
@click.argument("deployment")
@command
def resume(session: Session, deployment: str) -> None:
    """Let a paused roll-out go on."""
    _edit(session, deployment, rollouts.resume)


def _edit(session: Session, deployment: str, wanted: Edit) -> None:
    edit(session, DEPLOYMENT, named(deployment, DEPLOYMENT), wanted)
