"""logs: the output of a TrainingRun's steps, or of a Deployment's servers."""

from collections.abc import Iterator, Sequence

import click

from millwright_cli.commands.following import followed
from millwright_cli.core import pod_logs
from millwright_cli.core.errors import Failure, NotFound, NotStarted
from millwright_cli.core.kinds import DEPLOYMENT, MODEL, POD, TRAINING_RUN, named, parse
from millwright_cli.core.pod_logs import Line, Source
from millwright_cli.session import Session, command
from millwright_cli.views import json


@click.command()
@click.argument("reference", metavar="TRAININGRUN|mdep/DEPLOYMENT")
@click.option("--task", metavar="NAME", help="Only this step of the pipeline, or: package, datasets.")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come, until the run has ended or Ctrl-C.")
@command
def logs(session: Session, reference: str, task: str | None, follow: bool) -> None:
    """Print the output of a TrainingRun's steps, or of a Deployment's servers."""
    kind = parse(reference).kind or TRAINING_RUN
    if kind is MODEL:
        raise Failure(
            f"a Model has no pods: name what trains it, tr/NAME, or what serves it, {DEPLOYMENT.names[0]}/NAME"
        )
    name = named(reference, kind)
    if kind is DEPLOYMENT and task:
        raise Failure("--task is of TrainingRuns: a Deployment has no steps")
    of_kind = _Servers(session, name) if kind is DEPLOYMENT else _Steps(session, name, task)
    for line in _followed(session, of_kind) if follow else _printed(session, of_kind):
        click.echo(json.text(line, indent=None) if session.as_json else str(line))


class _Steps:
    """Logs of a TrainingRun."""

    def __init__(self, session: Session, name: str, task: str | None) -> None:
        self._session, self._name, self._task = session, name, task

    def look(self) -> tuple[Sequence[Source], bool]:
        """The logs that there are now, and whether no other ones will come."""
        session = self._session
        body = session.cluster.get(TRAINING_RUN, session.namespace, self._name)
        selector = pod_logs.run_selector(body)
        pods = session.cluster.list(POD, session.namespace, selector) if selector else []
        self.nothing = pod_logs.no_pods(body, self._task)
        return pod_logs.of_run(body, pods, self._task), pod_logs.has_ended(body)


class _Servers:
    """Logs of a Deployment: pods may come at any time."""

    def __init__(self, session: Session, name: str) -> None:
        self._session, self._name = session, name
        self.nothing = f"Deployment {name} has no pods: kubectl millwright status {DEPLOYMENT.names[0]}/{name} says why"

    def look(self) -> tuple[Sequence[Source], bool]:
        """The logs that there are now, and that more may come."""
        session = self._session
        session.cluster.get(DEPLOYMENT, session.namespace, self._name)
        pods = session.cluster.list(POD, session.namespace, pod_logs.deployment_selector(self._name))
        return pod_logs.of_deployment(pods), False


def _printed(session: Session, logs: _Steps | _Servers) -> Iterator[Line]:
    """What is there now. Raises NotFound where that is nothing."""
    sources, _ = logs.look()
    if not sources:
        raise NotFound(logs.nothing)
    for source in sources:
        try:
            for text in session.cluster.log(session.namespace, source.pod, source.container, follow=False):
                line = pod_logs.read(source, text)
                if line:
                    yield line
        except NotStarted as failure:
            session.note(f"pod {source.pod} has not started: {failure}")


def _followed(session: Session, logs: _Steps | _Servers) -> Iterator[Line]:
    """What comes. Raises NotFound where the run has ended and nothing is left of it."""
    came = False
    for line in followed(session.cluster, session.namespace, logs.look, session.ports.wait):
        came = True
        yield line
    if not came:
        raise NotFound(logs.nothing)
