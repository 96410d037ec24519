"""logs: the output of a TrainingRun's steps, or of a Deployment's servers."""

from collections.abc import Callable, Iterator
from functools import partial

import click

from millwright_cli.commands.following import followed
from millwright_cli.core import pod_logs
from millwright_cli.core.errors import Failure, NotFound, NotStarted
from millwright_cli.core.kinds import DEPLOYMENT, MODEL, POD, TRAINING_RUN, Reference, parse
from millwright_cli.core.pod_logs import Line, Seen
from millwright_cli.session import Session, command
from millwright_cli.views import json


@click.command()
@click.argument("reference", metavar="TRAININGRUN|mdep/DEPLOYMENT")
@click.option("--task", metavar="NAME", help="Only this step of the pipeline, or: package, datasets.")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come, until the run has ended or Ctrl-C.")
@command
def logs(session: Session, reference: str, task: str | None, follow: bool) -> None:
    """Print the output of a TrainingRun's steps, or of a Deployment's servers."""
    look = partial(_look, session, parse(reference), task)
    for line in _followed(session, look) if follow else _printed(session, look()):
        click.echo(json.text(line, indent=None) if session.as_json else str(line))


def _look(session: Session, what: Reference, task: str | None) -> Seen:
    """The logs that there are now. Raises Failure."""
    if what.kind is MODEL:
        raise Failure("a Model has no pods: name what trains it, tr/NAME, or what serves it, mdep/NAME")
    if what.kind is not DEPLOYMENT:
        return _steps(session, what.name, task)
    if task:
        raise Failure("--task is of TrainingRuns: a Deployment has no steps")
    return _servers(session, what.name)


def _steps(session: Session, name: str, task: str | None) -> Seen:
    body = session.cluster.get(TRAINING_RUN, session.namespace, name)
    selector = pod_logs.run_selector(body)
    pods = session.cluster.list(POD, session.namespace, selector) if selector else []
    otherwise = pod_logs.no_pods(body, task)
    return Seen(pod_logs.of_run(body, pods, task), over=pod_logs.has_ended(body), otherwise=otherwise)


def _servers(session: Session, name: str) -> Seen:
    session.cluster.get(DEPLOYMENT, session.namespace, name)
    pods = session.cluster.list(POD, session.namespace, pod_logs.deployment_selector(name))
    otherwise = f"Deployment {name} has no pods: kubectl millwright status mdep/{name} says why"
    return Seen(pod_logs.of_deployment(pods), over=False, otherwise=otherwise)


def _printed(session: Session, seen: Seen) -> Iterator[Line]:
    """What is there now. Raises NotFound where that is nothing."""
    if not seen.sources:
        raise NotFound(seen.otherwise)
    for source in seen.sources:
        try:
            for text in session.cluster.log(session.namespace, source.pod, source.container, follow=False):
                line = pod_logs.read(source, text)
                if line:
                    yield line
        except NotStarted as failure:
            session.note(f"pod {source.pod} has not started: {failure}")


def _followed(session: Session, look: Callable[[], Seen]) -> Iterator[Line]:
    """What comes. Raises NotFound where the run has ended and nothing is left of it."""
    came = False
    for line in followed(session.cluster, session.namespace, look, session.ports.wait):
        came = True
        yield line
    if not came:
        raise NotFound(look().otherwise)
