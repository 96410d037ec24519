"""Queueing for quota: what a run asks for, and how far its request has got."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from millwright.api.training_run import NodePoolSelection
from millwright.core import quantity
from millwright.core.ir import Pipeline
from millwright.core.node_pools import NodePool, NodePools, choose
from millwright.core.steps import RESOURCES, Step, is_placeholder

Amounts = Mapping[str, str]


class Admission(StrEnum):
    """How far a request for quota has got."""

    WAITING = "Waiting"
    ADMITTED = "Admitted"
    EVICTED = "Evicted"


@dataclass(frozen=True)
class QueuePlace:
    """A run's request in its queue. `position`: runs that come before it; None where that cannot be said."""

    queue: str
    admission: Admission
    message: str = ""
    position: int | None = None


@dataclass(frozen=True)
class PoolDemand:
    """The largest step that runs on a pool (None: nowhere in particular): requests by resource name."""

    pool: NodePool | None
    requests: Amounts = field(default_factory=dict)


def demands(
    pipeline: Pipeline, selection: NodePoolSelection | None, pools: NodePools, requests: Amounts
) -> tuple[PoolDemand, ...]:
    """What a run asks quota for: one pod for each pool that it uses, as large as the largest step there.

    `requests`: of a step that says nothing of cpu or memory, on a pool that doesn't either. Raises InvalidPlacement.
    """
    chosen = choose(pipeline.steps, selection, pools)
    names = sorted({pool.name if pool else "" for pool in chosen.values()})
    of_pool = {name: [step for step in pipeline.steps if _name(chosen[step.name]) == name] for name in names}
    return tuple(_demand(pools.pools.get(name), steps, requests) for name, steps in of_pool.items())


def _name(pool: NodePool | None) -> str:
    return pool.name if pool else ""


def _demand(pool: NodePool | None, steps: Iterable[Step], requests: Amounts) -> PoolDemand:
    base = {**requests, **(pool.requests if pool else {})}
    asked = [_of_step(step, base, pool) for step in steps]
    resources = sorted({resource for amounts in asked for resource in amounts})
    largest = {r: quantity.largest([amounts[r] for amounts in asked if r in amounts]) for r in resources}
    return PoolDemand(pool, largest)


def _of_step(step: Step, base: Amounts, pool: NodePool | None) -> dict[str, str]:
    """A limit alone is a request, too; a parameter's value is not known yet."""
    said = {r: step.requests.get(r) or step.limits.get(r) or base.get(r) for r in RESOURCES}
    amounts = {r: amount for r, amount in said.items() if amount is not None and not is_placeholder(amount)}
    wish = step.accelerator
    accelerator = (wish.resource or (pool.accelerator if pool else None)) if wish else None
    return amounts | ({accelerator: str((wish.count if wish else None) or 1)} if accelerator else {})
