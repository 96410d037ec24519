"""What a run costs: the time its pods held nodes, at their pool's price."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from millwright.api.training_run import TrainingRunStatus
from millwright.core.execution import Execution, PodUse
from millwright.core.node_pools import NodePool
from millwright.core.training_state import Observed

SECONDS_PER_HOUR = 3600
SMALLEST = Decimal("0.0001")


def of_pods(uses: Iterable[PodUse], pools: Mapping[str, NodePool], now: datetime) -> Decimal:
    """Pod-seconds times the pool's hourly cost, up to `now` for pods that run; a pod on no pool costs nothing."""
    placed = ((use, pools.get(use.node_pool or "")) for use in uses)
    return sum((_of_pod(use, pool, now) for use, pool in placed if pool is not None), Decimal(0))


def _of_pod(use: PodUse, pool: NodePool, now: datetime) -> Decimal:
    seconds = Decimal(max(((use.ended or now) - use.started).total_seconds(), 0.0))
    return seconds / SECONDS_PER_HOUR * pool.hourly_cost


def reported(status: TrainingRunStatus, execution: Execution) -> Decimal | None:
    """What all attempts at the spec cost as it was last said: pods that are gone since were paid for, too."""
    return Decimal(status.cost.amount) if status.cost and status.spec_hash == execution.spec_hash else None


def of_earlier_attempts(status: TrainingRunStatus, execution: Execution) -> Decimal:
    """What other attempts at the same spec cost, as far as the history goes back."""
    others = (e for e in status.history if e.spec_hash == execution.spec_hash and e.attempt != execution.attempt)
    return sum((Decimal(entry.cost) for entry in others if entry.cost), Decimal(0))


def of_attempt(observed: Observed, now: datetime) -> Decimal | None:
    """What the attempt at hand cost up to `now`; None where that cannot be seen, or nothing has a price."""
    if observed.running is None or not any(pool.hourly_cost for pool in observed.pools.pools.values()):
        return None
    return of_pods(observed.running.uses, observed.pools.pools, now)


def total(observed: Observed, execution: Execution, now: datetime) -> Decimal | None:
    """What all attempts at the spec cost up to `now`, as it can be seen, and at least what was said before."""
    seen, status = of_attempt(observed, now), observed.subject.status
    if seen is None:
        return reported(status, execution)
    return max(seen + of_earlier_attempts(status, execution), reported(status, execution) or Decimal(0))


def amount(cost: Decimal) -> str:
    """As status shows it: four decimals."""
    return str(cost.quantize(SMALLEST, ROUND_HALF_UP))
