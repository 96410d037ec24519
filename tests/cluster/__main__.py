"""python3 -m tests.cluster build | up | down | status | images"""

from __future__ import annotations

import argparse
import sys

from . import gobuild, provider
from .settings import Checkout
from .shell import ClusterError

COMMANDS = {
    "build": (lambda checkout: gobuild.build(), "build the cluster's programs into the cache"),
    "up": (provider.up, "start the cluster, or what of it does not run"),
    "down": (provider.down, "stop it and leave nothing behind"),
    "status": (provider.status, "tell what runs"),
    "images": (provider.images, "build the project's images and give them to the nodes"),
}


def main() -> int:
    """Run one command; a failure that the user can mend is one sentence."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.cluster", description="The cluster for tests.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (_, summary) in COMMANDS.items():
        commands.add_parser(name, help=summary)
    command, _ = COMMANDS[parser.parse_args().command]
    try:
        command(Checkout())
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
