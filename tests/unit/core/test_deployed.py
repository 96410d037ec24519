"""Who serves which version of Model `wine`, by table: the keys are sentences."""

import pytest

from millwright.core.deployed import Served, Server, deployed_by
from millwright.core.registry import RegisteredVersion

VERSIONS = (
    RegisteredVersion("1", tags={"millwright.digest": "sha256:1"}),
    RegisteredVersion("2", tags={"millwright.digest": "sha256:2"}),
    RegisteredVersion("3"),
)
FIRST = Served("stable", "1", "sha256:1")
SECOND = Served("candidate", "2", "sha256:2")

# Deployments → (name, version, role) of what they serve of the Model
CASES: dict[str, tuple[tuple[Server, ...], list[tuple[str, str, str]]]] = {
    "nobody": ((), []),
    "one that serves nothing yet": ((Server("a", "wine"),), []),
    "one that stays on a version, and does not serve it yet": ((Server("a", "wine", pinned="1"),), []),
    "one on its way to another version": (
        (Server("a", "wine", served=(FIRST, SECOND)),),
        [("a", "1", "stable"), ("a", "2", "candidate")],
    ),
    "several, by name": (
        (Server("b", "wine", served=(FIRST,)), Server("a", "wine", served=(FIRST,))),
        [("a", "1", "stable"), ("b", "1", "stable")],
    ),
    "one of another Model, whose versions have the same numbers": (
        (Server("a", "beer", served=(Served("stable", "1", "sha256:beer"),)),),
        [],
    ),
    "one that was told to serve another Model, and still serves ours": (
        (Server("a", "beer", served=(FIRST, Served("candidate", "2", "sha256:beer"))),),
        [("a", "1", "stable")],
    ),
    "one that was told to serve ours, and still serves another": (
        (Server("a", "wine", served=(Served("stable", "1", "sha256:beer"), SECOND)),),
        [("a", "2", "candidate")],
    ),
    "one whose version somebody deleted": (
        (Server("a", "wine", served=(Served("stable", "9", "sha256:9"),)),),
        [("a", "9", "stable")],
    ),
    "one of another Model whose version we never had": (
        (Server("a", "beer", served=(Served("stable", "9", "sha256:9"),)),),
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_version_is_served_by(case: str) -> None:
    servers, expected = CASES[case]
    assert [(d.name, d.version, d.role) for d in deployed_by("wine", VERSIONS, servers)] == expected
