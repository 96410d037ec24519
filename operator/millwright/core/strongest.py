"""Where a single pod runs that does the work of all steps, and how large it is: the embedded backend's placement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from millwright.api.training_run import NodePoolSelection
from millwright.core import quantity
from millwright.core.ir import Pipeline
from millwright.core.node_pools import InvalidPlacement, NodePool, NodePools, choose
from millwright.core.steps import RESOURCES, Step, is_placeholder

Amounts = Mapping[str, str]


@dataclass(frozen=True)
class PodPlacement:
    """The pool (None: nowhere in particular), and requests and limits as Kubernetes quantities by resource name."""

    pool: NodePool | None
    requests: Amounts = field(default_factory=dict)
    limits: Amounts = field(default_factory=dict)


@dataclass(frozen=True)
class _Demand:
    """What one step needs of one resource; None: nothing in particular, or no bound."""

    request: str | None
    limit: str | None


def strongest(
    pipeline: Pipeline,
    selection: NodePoolSelection | None,
    pools: NodePools,
    requests: Amounts | None = None,
    limits: Amounts | None = None,
) -> PodPlacement:
    """A pod that every step fits into: an accelerator decides the pool, then an override, then the default.

    A step that says nothing of cpu or memory counts with the pool's amounts, where it has none with the given ones. A
    limit holds for the pod only if every step has one. Raises InvalidPlacement if no single pool will do.
    """
    steps = pipeline.steps
    pool = _pool(steps, selection or NodePoolSelection(), pools)
    defaults = ((pool.requests, pool.limits) if pool else ({}, {}), (requests or {}, limits or {}))
    sizes = {resource: _largest([_demand(step, resource, defaults) for step in steps]) for resource in RESOURCES}
    accelerators = _accelerators(steps, pool)
    return PodPlacement(
        pool,
        {resource: size.request for resource, size in sizes.items() if size.request is not None},
        {resource: size.limit for resource, size in sizes.items() if size.limit is not None} | accelerators,
    )


def _pool(steps: Sequence[Step], selection: NodePoolSelection, pools: NodePools) -> NodePool | None:
    chosen = choose(steps, selection, pools)
    default = selection.default or pools.default
    accelerated = {step.name: chosen[step.name] for step in steps if step.accelerator}
    overridden = {name: chosen[name] for name, pool in selection.steps.items() if pool != default}
    decisive = accelerated if any(accelerated.values()) else overridden
    names = sorted({pool.name for pool in decisive.values() if pool is not None})
    if len(names) > 1:
        raise InvalidPlacement(
            f"steps {', '.join(sorted(decisive))} need node pools {', '.join(names)}, and the embedded backend "
            "runs all steps in one pod; send them to one pool by spec.nodePools, or use the kubeflow backend"
        )
    return pools.pools[names[0]] if names else pools.pools.get(default or "")


def _accelerators(steps: Iterable[Step], pool: NodePool | None) -> dict[str, str]:
    """At least one where a parameter decides how many."""
    counts: dict[str, int] = {}
    for wish in (step.accelerator for step in steps if step.accelerator):
        resource = wish.resource or (pool.accelerator if pool else None)
        if resource is not None:
            counts[resource] = max(counts.get(resource, 0), wish.count or 1)
    if len(counts) > 1:
        raise InvalidPlacement(
            f"steps ask for different accelerators ({', '.join(sorted(counts))}), and the embedded backend "
            "runs all steps in one pod; use the kubeflow backend"
        )
    return {resource: str(count) for resource, count in counts.items()}


def _demand(step: Step, resource: str, defaults: Iterable[tuple[Amounts, Amounts]]) -> _Demand:
    """As the first says who says anything. A parameter's value is not known yet; a limit alone is a request, too."""
    for requests, limits in ((step.requests, step.limits), *defaults):
        request, limit = _known(requests.get(resource)), _known(limits.get(resource))
        if request is not None or limit is not None:
            return _Demand(request or limit, limit)
    return _Demand(None, None)


def _known(text: str | None) -> str | None:
    return None if text is None or is_placeholder(text) else text


def _largest(demands: Sequence[_Demand]) -> _Demand:
    requests = [demand.request for demand in demands if demand.request is not None]
    limits = [demand.limit for demand in demands if demand.limit is not None]
    bounded = bool(limits) and len(limits) == len(demands)
    return _Demand(
        quantity.largest(requests) if requests else None,
        quantity.largest([*limits, *requests]) if bounded else None,
    )
