"""python3 -m tests.cluster build | up | down | status | images | profile NAMESPACE"""

from __future__ import annotations

import argparse
import sys

from . import components, gobuild, provider
from .kubeflow import profile
from .settings import Checkout
from .shell import ClusterError

# Command → (what it does, how it is described, the arguments it takes).
COMMANDS = {
    "build": (lambda checkout: _build(), "build the cluster's programs into the cache", ()),
    "up": (provider.up, "start the cluster, or what of it does not run", ()),
    "down": (provider.down, "stop it and leave nothing behind", ()),
    "status": (provider.status, "tell what runs", ()),
    "images": (provider.images, "build the project's images and give them to the nodes", ()),
    "profile": (profile.apply, "prepare a namespace for runs of Kubeflow Pipelines", ("namespace",)),
}


def main() -> int:
    """Run one command; a failure that the user can mend is one sentence."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.cluster", description="The cluster for tests.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (_, summary, arguments) in COMMANDS.items():
        subparser = commands.add_parser(name, help=summary)
        for argument in arguments:
            subparser.add_argument(argument)
    given = vars(parser.parse_args())
    command, _, _ = COMMANDS[given.pop("command")]
    try:
        command(Checkout(), **given)
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _build() -> None:
    gobuild.build()
    components.build()


if __name__ == "__main__":
    sys.exit(main())
