"""Merge patches, and what is told of them, hold for every pair of specs."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.cli.fakes import merged

from millwright_cli.core import editing

NAMES = st.sampled_from(["a", "b", "c"])
LEAVES = st.one_of(st.booleans(), st.integers(0, 2), st.lists(st.integers(0, 1), max_size=2))
VALUES = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)
SPECS = st.dictionaries(NAMES, VALUES, max_size=3)


@given(SPECS, SPECS)
def test_a_patch_makes_of_the_old_spec_the_new_one(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merged(old, editing.merge_patch(old, new)) == new


@given(SPECS)
def test_an_equal_spec_is_no_patch_and_no_change(spec: dict[str, Any]) -> None:
    assert editing.merge_patch(spec, spec) == {} and editing.changes(spec, spec) == ()


@given(SPECS, SPECS)
def test_every_difference_is_told(old: dict[str, Any], new: dict[str, Any]) -> None:
    told = editing.changes(old, new)
    assert bool(told) == (flat(old) != flat(new))
    assert all(change.before != change.after for change in told)


def flat(spec: Any, path: str = "") -> dict[str, Any]:
    """Leaves by their path: an empty map says nothing."""
    if not isinstance(spec, dict):
        return {path: spec}
    return {name: value for key in spec for name, value in flat(spec[key], f"{path}.{key}").items()}
