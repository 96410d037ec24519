"""What pods found of room on nodes, by table: as the scheduler says it in their conditions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millwright.core import room
from millwright.core.room import Room

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = timedelta(seconds=600)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def pod(*conditions: tuple[str, bool, int], words: str = "", reason: str = "Unschedulable", **status: Any) -> Any:
    """Conditions: type, whether it holds, since which second after the pod was made."""
    told = [
        {
            "type": kind,
            "status": str(holds),
            "reason": reason,
            "message": words,
            "lastTransitionTime": at(s).isoformat(),
        }
        for kind, holds, s in conditions
    ]
    return {"metadata": {"creationTimestamp": START.isoformat()}, "status": {"conditions": told} | status}


def leaving(body: Any) -> Any:
    return body | {"metadata": body["metadata"] | {"deletionTimestamp": START.isoformat()}}


PLACED, READY, UNREADY = ("PodScheduled", True, 1), ("Ready", True, 20), ("Ready", False, 5)
REFUSED = pod(("PodScheduled", False, 2), words="0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")
ROOMS: dict[str, tuple[list[Any], Room]] = {
    "nothing is known before there are pods": ([], Room()),
    "the scheduler has not looked yet": ([pod()], Room()),
    "a pod without a node": ([REFUSED], Room(refused=at(2), scarce=True)),
    "the one that waits longest counts": (
        [pod(("PodScheduled", False, 9), words="Too many pods"), REFUSED],
        Room(refused=at(2), scarce=True),
    ),
    "no node is of the pool": (
        [pod(("PodScheduled", False, 2), words="2 node(s) didn't match Pod's node affinity/selector.")],
        Room(refused=at(2)),
    ),
    "a pod that is held back by somebody else": ([pod(("PodScheduled", False, 2), reason="SchedulingGated")], Room()),
    "a pod that has a node and answers": ([pod(PLACED, READY)], Room()),
    "a pod that has a node and starts": ([pod(PLACED, UNREADY)], Room(silent=at(5))),
    "a pod whose kubelet has said nothing yet": ([pod(PLACED)], Room(silent=at(1))),
    "a pod that waited for its node": ([pod(("PodScheduled", True, 60), READY)], Room(found=at(60))),
    "one that waits beside one that answers": ([REFUSED, pod(PLACED, READY)], Room(refused=at(2), scarce=True)),
    "pods that leave, or have ended, say nothing": (
        [leaving(REFUSED), pod(PLACED, UNREADY, phase="Failed")],
        Room(),
    ),
}


@pytest.mark.parametrize(("pods", "expected"), ROOMS.values(), ids=ROOMS.keys())
def test_the_room_of(pods: list[Any], expected: Room) -> None:
    assert room.read(pods) == expected


# What is known of room → from which second on the pods, asked for at 0, are late; None: never.
LATE: dict[str, tuple[Room, int | None]] = {
    "nothing": (Room(), 600),
    "all have nodes, and one does not answer": (Room(silent=at(5)), 600),
    "the last one got its node late": (Room(found=at(100), silent=at(100)), 700),
    "one waits for a node, and the others answer": (Room(refused=at(2), scarce=True), None),
    "one waits for a node, another has one and does not answer": (Room(refused=at(2), silent=at(50)), 650),
}


@pytest.mark.parametrize(("seen", "expected"), LATE.values(), ids=LATE.keys())
def test_pods_are_late_where_is_known(seen: Room, expected: int | None) -> None:
    found = next((second for second in range(0, 2000, 10) if seen.is_late(START, LIMIT, at(second))), None)
    assert found == expected


def test_it_is_lacking_after_a_moment_and_stuck_when_no_pod_finds_any() -> None:
    seen = Room(refused=at(2))
    assert [seen.is_lacking(at(second)) for second in (2, 11, 12)] == [False, False, True]
    assert [seen.is_stuck(START, LIMIT, at(second)) for second in (601, 602)] == [False, True]
    assert not Room(refused=at(2), found=at(100)).is_stuck(START, LIMIT, at(699))
    assert not Room(refused=at(2)).is_stuck(at(300), LIMIT, at(899))
    assert not Room(found=at(2)).is_stuck(START, LIMIT, at(9999))
