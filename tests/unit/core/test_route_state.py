"""An HTTPRoute as the cluster shows it: whether it is as it should be, and what its Gateway says."""

from typing import Any

import pytest

from millwright.core.route_state import read

SPEC = {"hostnames": ["a.example.org"], "rules": [{"backendRefs": [{"name": "one", "port": 80, "weight": 100}]}]}


def route(*conditions: dict[str, Any], generation: int = 2) -> dict[str, Any]:
    parents = [{"conditions": list(conditions)}] if conditions else []
    return {"metadata": {"generation": generation}, "spec": SPEC, "status": {"parents": parents}}


def told(kind: str, status: str = "True", generation: int = 2) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": "NoMatchingParent",
        "message": "no",
        "observedGeneration": generation,
    }


ACCEPTED, RESOLVED = told("Accepted"), told("ResolvedRefs")
# The route → part of what is wrong with it; None: nothing.
ROUTES: dict[str, tuple[dict[str, Any], str | None]] = {
    "taken": (route(ACCEPTED, RESOLVED), None),
    "answered by nobody": (route(), "no Gateway has answered"),
    "refused": (route(told("Accepted", "False"), RESOLVED), "the Gateway says NoMatchingParent: no"),
    "to a Service that is not there": (route(ACCEPTED, told("ResolvedRefs", "False")), "the Gateway says"),
    "taken as it was before": (route(told("Accepted", generation=1), RESOLVED), "has not looked at"),
}


@pytest.mark.parametrize(("body", "trouble"), ROUTES.values(), ids=ROUTES.keys())
def test_a_route(body: dict[str, Any], trouble: str | None) -> None:
    state = read(body)
    assert state is not None
    assert state.trouble is None if trouble is None else trouble in str(state.trouble)


def test_what_the_api_server_fills_in_is_no_difference_and_what_somebody_changed_is() -> None:
    filled: dict[str, Any] = route(ACCEPTED, RESOLVED)
    backend = SPEC["rules"][0]["backendRefs"][0]  # type: ignore[index]
    filled["spec"] = SPEC | {"rules": [{"backendRefs": [backend | {"kind": "Service"}], "matches": []}]}
    state = read(filled)
    assert state is not None
    assert state.is_as({"spec": SPEC})
    assert not state.is_as({"spec": SPEC | {"hostnames": ["b.example.org"]}})
    assert not state.is_as({"spec": SPEC | {"rules": []}})
