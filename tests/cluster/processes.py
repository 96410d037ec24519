"""Long-running processes, found by a mark in their environment.

A mark needs no pid file: it survives a deleted checkout, and after a reboot nothing bears it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .settings import Checkout
from .shell import wait_until

CHECKOUT_MARK = "MILLWRIGHT_CLUSTER"
NAME_MARK = "MILLWRIGHT_PROCESS"


@dataclass(frozen=True)
class Process:
    """A live process that bears our mark; children inherit it from the one we started."""

    pid: int
    checkout: Path
    name: str


def start(checkout: Checkout, name: str, *command: str | Path) -> None:
    """Start a process that outlives this one; its output goes to `.cluster/log/<name>.log`."""
    checkout.logs.mkdir(parents=True, exist_ok=True)
    with open(checkout.logs / f"{name}.log", "ab") as log:
        subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=checkout.root,
            env={**os.environ, CHECKOUT_MARK: str(checkout.root), NAME_MARK: name},
            start_new_session=True,
        )


def marked() -> list[Process]:
    """All live processes of any checkout's cluster on this machine."""
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [process for pid in pids if (process := _read(pid))]


def of(checkout: Checkout, name: str | None = None) -> list[Process]:
    """The live processes of one checkout, or those of them started under one name."""
    return [p for p in marked() if p.checkout == checkout.root and name in (None, p.name)]


def stop(checkout: Checkout, name: str) -> None:
    """Kill all that was started under a name; there is nothing to save in a throw-away cluster."""
    for process in of(checkout, name):
        _kill(process.pid)
    wait_until(f"{name} stops", lambda: not of(checkout, name), 20, every=0.02)


def _read(pid: int) -> Process | None:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        if CHECKOUT_MARK.encode() not in environment or _is_zombie(pid):
            return None
    except OSError:  # ended meanwhile, or not ours to see
        return None
    pairs = (item.partition("=")[::2] for item in os.fsdecode(environment).split("\0"))
    variables = dict(pairs)
    if CHECKOUT_MARK not in variables or NAME_MARK not in variables:
        return None
    return Process(pid, Path(variables[CHECKOUT_MARK]), variables[NAME_MARK])


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
