"""When a replica may write itself into the Lease."""

import pytest

from millwright.core.leadership import LeaseRecord, Sighting, claimed, given_back, seconds_to_wait, sighting

ME, OTHER = "me", "other"
HELD = LeaseRecord(OTHER, 12, 3, "5")
WAITS = {
    "there is no Lease, and never was": (None, 0.0),
    "I hold it": (LeaseRecord(ME), 0.0),
    "it was given back": (LeaseRecord("", 1), 0.0),
    "somebody holds it": (HELD, 12.0),
    "its holder says how long": (LeaseRecord(OTHER, 30), 30.0),
    "somebody emptied it by hand": (LeaseRecord(""), 12.0),
}


@pytest.mark.parametrize(("record", "wait"), WAITS.values(), ids=WAITS.keys())
def test_whoever_does_not_hold_it_waits_as_long_as_it_may_be_held(record: LeaseRecord | None, wait: float) -> None:
    seen = Sighting(record, since=100.0) if record else None
    assert seconds_to_wait(ME, seen, now=100.0) == wait
    assert seconds_to_wait(ME, seen, now=100.0 + wait) == 0.0


def test_a_change_of_the_lease_begins_the_wait_anew_and_another_look_at_the_same_does_not() -> None:
    seen = sighting(None, HELD, now=100.0)
    assert seen == Sighting(HELD, 100.0)
    assert sighting(seen, HELD, now=105.0) == seen
    renewed = LeaseRecord(OTHER, 12, 3, "6")
    assert sighting(seen, renewed, now=105.0) == Sighting(renewed, 105.0)


def test_a_lease_that_was_deleted_is_waited_for_as_if_it_stood() -> None:
    seen = Sighting(HELD, 100.0)
    assert sighting(seen, None, now=105.0) == seen
    assert sighting(None, None, now=105.0) is None


def test_only_another_holder_is_a_transition() -> None:
    assert claimed(ME, None) == LeaseRecord(ME, transitions=0)
    assert claimed(ME, HELD) == LeaseRecord(ME, transitions=4)
    assert claimed(OTHER, HELD) == LeaseRecord(OTHER, transitions=3)
    assert claimed(ME, given_back(HELD)) == LeaseRecord(ME, transitions=4)
