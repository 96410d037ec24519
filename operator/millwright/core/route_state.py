"""A Deployment's HTTPRoute as the cluster shows it: as it should be or not, and what its Gateway says of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from millwright.core.children import Manifest

# It takes a change within moments, and tells nobody.
GATEWAY_SECONDS = 1.0
WANTED = ("Accepted", "ResolvedRefs")
UNANSWERED = "no Gateway has answered the HTTPRoute yet: check the name and namespace in route.gateway"


@dataclass(frozen=True)
class RouteState:
    """`body`: as it is. `trouble`: why no request comes by it; None: the Gateway has taken it as it is now."""

    body: Manifest
    trouble: str | None

    def is_as(self, wanted: Manifest) -> bool:
        """Whether it says what is wanted, whatever the API server has filled in: people edit routes by hand."""
        return _covers(wanted["spec"], self.body["spec"])


def read(body: Manifest | None) -> RouteState | None:
    """None: there is none."""
    if body is None:
        return None
    parents = body.get("status", {}).get("parents") or []
    if not parents:
        return RouteState(
            body, "no Gateway has answered the HTTPRoute yet: check the name and namespace in route.gateway"
        )
    troubles = (_trouble(parent, body["metadata"]["generation"]) for parent in parents)
    return RouteState(body, next(filter(None, troubles), None))


def _trouble(parent: Mapping[str, Any], generation: int) -> str | None:
    conditions = {c["type"]: c for c in _current(parent.get("conditions") or [], generation)}
    for kind in WANTED:
        found = conditions.get(kind)
        if found is None:
            return "the Gateway has not looked at the HTTPRoute's last change yet"
        if found["status"] != "True":
            return f"the Gateway says {found['reason']}: {found['message']}"
    return None


def _current(conditions: Iterable[Mapping[str, Any]], generation: int) -> list[Mapping[str, Any]]:
    return [c for c in conditions if c.get("observedGeneration", generation) >= generation]


def _covers(wanted: Any, there: Any) -> bool:
    """Whether all that is wanted is there."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(key in there and _covers(wanted[key], there[key]) for key in wanted)
    if isinstance(wanted, list):
        same = isinstance(there, list) and len(wanted) == len(there)
        return same and all(_covers(a, b) for a, b in zip(wanted, there, strict=True))
    return bool(wanted == there)
