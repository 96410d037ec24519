"""Where requests go: the Service that clients in the cluster use, and the HTTPRoute of those who come by a Gateway."""

from collections.abc import Iterable
from dataclasses import dataclass

from millwright.api.deployment import ServedVersion
from millwright.api.experiment import Cookie
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
class Share:
    """What a version gets beside the one that serves. `weight`, `mirror`: percent of the requests, and copies."""

    version: ServedVersion
    weight: int = 0
    mirror: int = 0


@dataclass(frozen=True)
class Traffic:
    """Who gets requests: `stable` what the others leave. `cookie`: by which clients stay with a version."""

    stable: ServedVersion
    shares: tuple[Share, ...] = ()
    cookie: Cookie | None = None


def service(key: ObjectKey, uid: str, traffic: Traffic, routed: bool) -> Manifest:
    """The Service that clients use; its selector is the switch. Where no Gateway weighs, the number of pods does."""
    shared = any(share.weight for share in traffic.shares) and not routed
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
    others = (share.version for share in traffic.shares)
    return [traffic.stable, *(other for other in others if other.version != traffic.stable.version)]


def _of_version(key: ObjectKey, version: ServedVersion) -> Manifest:
    path = {"type": "PathPrefix", "value": f"/v2/models/{key.name}/versions/{version.version}"}
    header = {"type": "Exact", "name": VERSION_HEADER, "value": version.version}
    return {
        "matches": [{"path": path}, {"path": {"type": "PathPrefix", "value": "/"}, "headers": [header]}],
        "filters": [UNCOUNTED],
        "backendRefs": [_backend(version, 1)],
    }


def _of_all(traffic: Traffic) -> Manifest:
    left = 100 - sum(share.weight for share in traffic.shares)
    weighed = [_backend(share.version, share.weight) for share in traffic.shares if share.weight]
    rule: Manifest = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "filters": [UNCOUNTED, *_mirrors(traffic.shares)],
        "backendRefs": [_backend(traffic.stable, left), *weighed],
    }
    return rule | ({"sessionPersistence": _persistence(traffic.cookie)} if traffic.cookie else {})


def _mirrors(shares: Iterable[Share]) -> list[Manifest]:
    found = []
    for share in shares:
        if share.mirror:
            percent = {"percent": share.mirror} if share.mirror < 100 else {}
            mirror = {
                "backendRef": {"name": share.version.version_set, "port": version_set.SERVICE_MIRROR_PORT}
            } | percent
            found.append({"type": "RequestMirror", "requestMirror": mirror})
    return found


def _persistence(cookie: Cookie) -> Manifest:
    """GEP-1619. A duration has five digits at most for each unit."""
    named: Manifest = {"sessionName": cookie.name, "type": "Cookie"}
    if cookie.lifetime_seconds is None:
        return named
    minutes, seconds = divmod(cookie.lifetime_seconds, 60)
    lifetime = f"{minutes // 60}h{minutes % 60}m{seconds}s"
    return named | {"absoluteTimeout": lifetime, "cookieConfig": {"lifetimeType": "Permanent"}}


def _backend(version: ServedVersion, weight: int) -> Manifest:
    return {"name": version.version_set, "port": version_set.SERVICE_PORT, "weight": weight}
