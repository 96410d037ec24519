"""What must hold of Deployments at the end of a round."""

from typing import Any

from tests.campaign.api import Manifest
from tests.campaign.kubelet import NEVER_READY
from tests.campaign.user import DEPLOYMENT_LABEL
from tests.campaign.verdict import Found, ready

VERSION_SET_LABEL = "millwright.dev/version-set"


def deployments(found: Found) -> list[str]:
    """Each serves what its Model says, by one version set, with its Services."""
    return [fault for body in found.all("modeldeployments") for fault in _deployment(found, body)]


def _deployment(found: Found, body: Manifest) -> list[str]:
    name, status = body["metadata"]["name"], body.get("status", {})
    stable = status.get("stable", {})
    wanted = _wanted(found, body)
    is_so: dict[str, tuple[Any, Any]]
    is_broken = NEVER_READY in body["spec"].get("template", {}).get("annotations", {})
    if wanted is None:
        is_so = {"reason": (ready(body).get("status"), "Unknown")}
    elif is_broken:
        is_so = {"reason": (ready(body).get("reason"), "ProgressDeadlineExceeded")}
        is_so |= {"rejected version": (status.get("rejected", {}).get("version"), wanted)}
    else:
        replicas = body["spec"].get("replicas", 1)
        is_so = {"version": (stable.get("version"), wanted), "Ready": (ready(body).get("status"), "True")}
        is_so |= {"readyReplicas": (status.get("readyReplicas"), replicas)}
    is_so |= {"generation": (status.get("observedGeneration"), body["metadata"]["generation"])}
    is_so |= {"candidate": (status.get("candidate"), None)}
    faults = [f"{what} is {is_}, not {should}" for what, (is_, should) in is_so.items() if is_ != should]
    return [f"Deployment {name}: {fault}" for fault in (*faults, *_children(found, name, stable.get("versionSet")))]


def _wanted(found: Found, body: Manifest) -> str | None:
    reference = body["spec"]["model"]
    if "version" in reference:
        names = (f"{found.namespace}.{reference['name']}", reference["version"])
        return reference["version"] if names in {(v["name"], str(v["version"])) for v in found.versions} else None
    return found.aliases.get(reference["name"], {}).get("champion")


def _children(found: Found, name: str, version_set: str | None) -> list[str]:
    sets = _ours(found, "deployments", name)
    services = _ours(found, "services", name)
    wanted = [version_set] if version_set else []
    faults = [] if sets == wanted else [f"version sets are {sets}, not {wanted}"]
    if services != sorted([*wanted, *([name] if wanted else [])]):
        faults.append(f"Services are {services}, with version set {version_set}")
    service = found.objects["services"].get(name)
    if service and service["spec"]["selector"] != {VERSION_SET_LABEL: version_set}:
        faults.append(f"the Service selects {service['spec']['selector']}, not {version_set}")
    return faults


def _ours(found: Found, resource: str, name: str) -> list[str]:
    bodies = (b for b in found.all(resource) if b["metadata"].get("labels", {}).get(DEPLOYMENT_LABEL) == name)
    return sorted(body["metadata"]["name"] for body in bodies)
