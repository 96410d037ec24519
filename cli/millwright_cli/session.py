"""What every command has: where to look, how to answer, and the ports."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console, RenderableType

from millwright_cli.ports import Cluster, Registry
from millwright_cli.views import json

# Where nobody looks at a terminal, lines are as long as programs like them.
WIDTH_OF_NO_TERMINAL = 200


@dataclass(frozen=True)
class Ports:
    """How the outside world is reached. `cluster`: by a context of the kubeconfig; `registry`: by MLflow's URL."""

    cluster: Callable[[str | None], Cluster]
    registry: Callable[[str], Registry]
    wait: Callable[[float], None]


@dataclass(frozen=True)
class Session:
    """One call of a command."""

    ports: Ports
    cluster: Cluster
    namespace: str
    as_json: bool

    def show(self, value: Any, *shown: RenderableType) -> None:
        """`value` as JSON, or what a person is shown of it."""
        if self.as_json:
            click.echo(json.text(value))
            return
        for renderable in shown:
            console().print(renderable)

    def note(self, text: str) -> None:
        """A remark beside the answer."""
        click.echo(text, err=True)


def console() -> Console:
    """The terminal; a file or a pipe gets plain text."""
    made = Console(highlight=False, markup=False, emoji=False)
    return made if made.is_terminal else Console(highlight=False, markup=False, emoji=False, width=WIDTH_OF_NO_TERMINAL)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command `-n`, `--context` and `-o`, and its function a Session as first argument."""

    @click.option(
        "-n", "--namespace", metavar="NAME", help="Namespace; the one of the kubeconfig's context by default."
    )
    @click.option("--context", metavar="NAME", help="Context of the kubeconfig; its current one by default.")
    @click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to answer.")
    @functools.wraps(function)
    def wrapped(namespace: str | None, context: str | None, output: str, **arguments: Any) -> None:
        ports = click.get_current_context().find_object(Ports)
        assert ports is not None
        cluster = ports.cluster(context)
        function(Session(ports, cluster, namespace or cluster.namespace, output == "json"), **arguments)

    return wrapped
