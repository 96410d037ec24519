"""One cluster per machine: its addresses are fixed, so the checkouts take turns."""

from __future__ import annotations

from pathlib import Path

from . import processes
from .settings import OWNER, Checkout
from .shell import ClusterError


def previous(checkout: Checkout) -> Checkout | None:
    """Another checkout that has left something of its cluster here, none of it running.

    Raises ClusterError when the other one's cluster still runs.
    """
    running = {process.checkout for process in processes.marked()} - {checkout.root}
    if running:
        raise ClusterError(f"The cluster of {running.pop()} is up on this machine: run `down` there first.")
    recorded = Path(OWNER.read_text()) if OWNER.exists() else checkout.root
    return Checkout(recorded) if recorded != checkout.root else None


def take(checkout: Checkout) -> None:
    """Record whose cluster it is from now on."""
    OWNER.parent.mkdir(parents=True, exist_ok=True)
    OWNER.write_text(str(checkout.root))


def release(checkout: Checkout) -> None:
    """Forget it, if it is this checkout's."""
    if OWNER.exists() and OWNER.read_text() == str(checkout.root):
        OWNER.unlink()
