"""Where requests go: the Service that clients in the cluster use, and the HTTPRoute of those who come by a Gateway."""

from dataclasses import dataclass

from millwright.api.deployment import ServedVersion
from millwright.api.rollout import Route
from millwright.core import children, version_set
from millwright.core.children import DEPLOYMENT_LABEL, Manifest
from millwright.core.execution import ObjectKey
from millwright.core.serving_pod import VERSION_SET_LABEL

VERSION_HEADER = "x-millwright-version"
GATEWAY_API = "gateway.networking.k8s.io"
# Servers do not count requests with this header, which they send to each other: nobody outside may.
UNCOUNTED: Manifest = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-millwright-compare"]}}


@dataclass(frozen=True)
class Traffic:
    """Who gets requests. `weight`, `mirror`: percent of them that the candidate gets, and copies."""

    stable: ServedVersion
    candidate: ServedVersion | None = None
    weight: int = 0
    mirror: int = 0


def service(key: ObjectKey, uid: str, traffic: Traffic, routed: bool) -> Manifest:
    """The Service that clients use; its selector is the switch. Where no Gateway weighs, the number of pods does."""
    shared = traffic.weight > 0 and not routed
    selected = {DEPLOYMENT_LABEL: key.name} if shared else {VERSION_SET_LABEL: traffic.stable.version_set}
    return children.stamped(version_set.service(key, uid, key.name, selected, children.labels(key)))


def http_route(key: ObjectKey, uid: str, route: Route, traffic: Traffic) -> Manifest:
    """Requests by weight; those that name a version go to that.

    The order of rules decides nothing, but Envoy Gateway names its clusters by it: the one that has the traffic stays
    the first, or requests would find no cluster for a moment when another rule comes or goes.
    """
    gateway = {"group": GATEWAY_API, "kind": "Gateway", "name": route.gateway.name}
    gateway |= {"namespace": route.gateway.namespace or key.namespace}
    gateway |= {"sectionName": route.gateway.section_name} if route.gateway.section_name else {}
    rules = [_of_all(traffic), *(_of_version(key, version) for version in _named(traffic))]
    return children.stamped(
        {
            "apiVersion": f"{GATEWAY_API}/v1",
            "kind": "HTTPRoute",
            "metadata": children.metadata(key, uid, key.name, children.labels(key)),
            "spec": {"parentRefs": [gateway], "hostnames": [route.hostname], "rules": rules},
        }
    )


def url(key: ObjectKey, route: Route | None) -> str:
    """Where clients reach the model."""
    host = route.hostname if route else f"{key.name}.{key.namespace}.svc"
    return f"http://{host}/v2/models/{key.name}"


def _named(traffic: Traffic) -> list[ServedVersion]:
    """Versions that can be asked for by their number; a candidate with another pod template has the same."""
    candidate = traffic.candidate
    is_other = candidate is not None and candidate.version != traffic.stable.version
    return [traffic.stable, *([candidate] if candidate is not None and is_other else [])]


def _of_version(key: ObjectKey, version: ServedVersion) -> Manifest:
    path = {"type": "PathPrefix", "value": f"/v2/models/{key.name}/versions/{version.version}"}
    header = {"type": "Exact", "name": VERSION_HEADER, "value": version.version}
    return {
        "matches": [{"path": path}, {"path": {"type": "PathPrefix", "value": "/"}, "headers": [header]}],
        "filters": [UNCOUNTED],
        "backendRefs": [_backend(version, 1)],
    }


def _of_all(traffic: Traffic) -> Manifest:
    backends, candidate = [_backend(traffic.stable, 100 - traffic.weight)], traffic.candidate
    if candidate is not None and traffic.weight:
        backends.append(_backend(candidate, traffic.weight))
    filters = [UNCOUNTED]
    if candidate is not None and traffic.mirror:
        share = {"percent": traffic.mirror} if traffic.mirror < 100 else {}
        mirror = {"backendRef": {"name": candidate.version_set, "port": version_set.MIRROR_PORT}} | share
        filters.append({"type": "RequestMirror", "requestMirror": mirror})
    matches = [{"path": {"type": "PathPrefix", "value": "/"}}]
    return {"matches": matches, "filters": filters, "backendRefs": backends}


def _backend(version: ServedVersion, weight: int) -> Manifest:
    return {"name": version.version_set, "port": version_set.SERVICE_PORT, "weight": weight}
