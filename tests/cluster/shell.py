"""Run commands, wait for conditions, tell what is going on."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path


class ClusterError(Exception):
    """One sentence for the user; no traceback helps them."""


def run(*command: str | Path, check: bool = True, **options) -> str:
    """Run a command and return what it printed.

    Raises ClusterError with the command's own words when it fails and `check` is set.
    """
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        **options,
    )
    if check and done.returncode:
        words = (done.stderr or done.stdout).strip()[-2000:]
        raise ClusterError(f"{' '.join(map(str, command))[:200]}: exit {done.returncode}: {words}")
    return done.stdout


def succeeds(*command: str | Path, **options) -> bool:
    """Whether the command is there and exits with 0."""
    try:
        words = [str(word) for word in command]
        return subprocess.run(words, capture_output=True, **options).returncode == 0
    except FileNotFoundError:
        return False


def wait_until(what: str, condition: Callable[[], object], seconds: float = 60, every: float = 0.1):
    """Return the first true answer of `condition`; ClusterError when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {seconds:g} s")
        time.sleep(every)
    return answer


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """One line of progress, with the time the step took."""
    start = time.monotonic()
    yield
    print(f"{title:<58} {time.monotonic() - start:6.1f} s", file=sys.stderr, flush=True)
