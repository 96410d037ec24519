"""The command line, and how it ends."""

from typing import Any

import click

from millwright_cli.commands.diff import diff
from millwright_cli.commands.logs import logs
from millwright_cli.commands.rollout import abort, pause, promote, resume, rollback
from millwright_cli.commands.status import status
from millwright_cli.commands.versions import approve, replay
from millwright_cli.core.errors import Failure

INTERRUPTED = 130
COMMANDS = (status, logs, diff, approve, replay, promote, abort, rollback, pause, resume)


class Plugin(click.Group):
    """A group in the order in which people need its commands."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Failure as failure:
            click.echo(f"error: {failure}", err=True)
            ctx.exit(failure.exit_code)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=Plugin,
    name="kubectl millwright",
    commands={command.name or "": command for command in COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"]},
)
def app() -> None:
    """Models in Kubernetes: how they are doing, and the decisions that are yours.

    Reads and changes TrainingRuns, Models and Deployments with your own rights. What it writes are fields of their
    specs that you can write in YAML as well.

    Exit codes: 0 done; 1 it cannot be done; 2 wrong command line; 3 the cluster or MLflow does not answer.
    """
