"""Runs on the Kubeflow server that change wake their TrainingRun; those that do not, do not."""

from collections.abc import Sequence
from typing import Any, cast

from millwright.adapters.kubeflow_follower import Follower
from millwright.adapters.kubeflow_snapshots import Snapshot, Snapshots, Space
from millwright.core.execution import ObjectKey
from millwright.ports import DependencyError

SPACE = Space("flights", "flights")
OWNER = ObjectKey("flights", "arr-delay")
LABELS = {"pipeline/runid": "1", "millwright.dev/task": "train"}


class Shown:
    """Snapshots, one after the other; the last goes on."""

    def __init__(self, *snapshots: Snapshot | DependencyError) -> None:
        self._snapshots = list(snapshots)

    async def of(self, space: Space) -> Snapshot:
        found = self._snapshots.pop(0) if len(self._snapshots) > 1 else self._snapshots[0]
        if isinstance(found, DependencyError):
            raise found
        return found


def snapshot(state: str = "RUNNING", phase: str = "Pending", name: str = "arr-delay-1") -> Snapshot:
    pod = {"metadata": {"name": "p", "labels": LABELS, "creationTimestamp": "x"}, "status": {"phase": phase}}
    return Snapshot(({"display_name": name, "run_id": "1", "state": state},), {"1": [pod]})


async def woken(begins: Snapshot, *snapshots: Snapshot | DependencyError) -> Sequence[int]:
    """How often the TrainingRun was woken up to each look."""
    keys: list[ObjectKey] = []
    counts: list[int] = []
    follower = Follower(cast(Snapshots, Shown(*snapshots)))
    follower.follow(SPACE, "arr-delay-1", OWNER, begins)
    for _ in snapshots:
        await follower.compare(SPACE, keys.append)
        counts.append(len(keys))
    assert set(keys) <= {OWNER}
    return counts


async def test_a_run_that_looks_as_before_wakes_nobody() -> None:
    assert await woken(snapshot(), snapshot(), snapshot()) == [0, 0]


async def test_a_pod_or_a_state_that_changes_wakes_its_training_run_once() -> None:
    changes: dict[str, Any] = {"phase": "Running"}
    assert await woken(snapshot(), snapshot(**changes), snapshot(**changes)) == [1, 1]
    assert await woken(snapshot(), snapshot("CANCELING"), snapshot("CANCELING")) == [1, 1]


async def test_a_run_that_is_not_under_way_any_more_wakes_once_and_is_followed_no_longer() -> None:
    assert await woken(snapshot(), Snapshot(), snapshot()) == [1, 1]


async def test_a_run_that_was_started_after_the_snapshot_wakes_when_it_shows() -> None:
    assert await woken(Snapshot(), snapshot(), snapshot()) == [1, 1]


async def test_what_cannot_be_read_is_compared_the_next_time() -> None:
    assert await woken(snapshot(), DependencyError("kubeflow", "down"), snapshot(phase="Running")) == [0, 1]
