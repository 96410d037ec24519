"""Reads the Models that a Model depends on."""

from collections.abc import Sequence

from millwright.api.model import ModelSpec
from millwright.core.upstream import Upstream
from millwright.ports import MODELS, Cluster, Manifest
from millwright.reconcilers.together import together


async def named(cluster: Cluster, namespace: str, spec: ModelSpec) -> dict[str, Upstream]:
    """Those that the spec names, by name, as far as they are there."""
    return await _read(cluster, namespace, [upstream.name for upstream in spec.depends_on])


async def all_of(cluster: Cluster, namespace: str, spec: ModelSpec) -> dict[str, Upstream]:
    """Those, and what they depend on in turn."""
    found: dict[str, Upstream] = {}
    level = await named(cluster, namespace, spec)
    while level:
        found |= level
        further = {name for upstream in level.values() for name in upstream.depends_on}
        level = await _read(cluster, namespace, sorted(further - found.keys()))
    return found


async def _read(cluster: Cluster, namespace: str, names: Sequence[str]) -> dict[str, Upstream]:
    """Only those that are there, and of them what is needed: what else is wrong with one is no trouble of ours."""
    bodies = await together(*(cluster.get(MODELS, namespace, name) for name in names))
    return {name: _upstream(body) for name, body in zip(names, bodies, strict=True) if body is not None}


def _upstream(body: Manifest) -> Upstream:
    depends_on = (body.get("spec") or {}).get("dependsOn", ())
    return Upstream((body.get("status") or {}).get("approvedVersion"), tuple(d["name"] for d in depends_on))
