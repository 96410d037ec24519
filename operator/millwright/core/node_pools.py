"""Node pools of the platform, and which of them each step of a pipeline runs on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from millwright.api.training_run import NodePoolSelection
from millwright.core.steps import Accelerator, Step


class InvalidPlacement(ValueError):
    """A step cannot be placed as the spec and the platform's pools say; the message says what to do."""


@dataclass(frozen=True)
class Toleration:
    """A pod's toleration of a taint. Empty texts are left out, as Kubernetes reads them."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None

    def manifest(self) -> dict[str, Any]:
        """As Kubernetes and kfp-kubernetes write it."""
        texts = {"key": self.key, "operator": self.operator, "value": self.value, "effect": self.effect}
        seconds = {} if self.toleration_seconds is None else {"tolerationSeconds": self.toleration_seconds}
        return {name: text for name, text in texts.items() if text} | seconds


@dataclass(frozen=True)
class NodePool:
    """Nodes of one kind.

    `accelerator`: the extended resource they offer. `hourly_cost`: of a pod that runs there for an hour, in the
    platform's currency. `requests`, `limits`: quantities of `cpu` and `memory` for steps that say nothing of them.
    """

    name: str
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    accelerator: str | None = None
    hourly_cost: Decimal = Decimal(0)
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)

    def offers(self, wish: Accelerator) -> bool:
        """Whether it has that accelerator; any, where a parameter decides which."""
        return self.accelerator is not None and wish.resource in (None, self.accelerator)


@dataclass(frozen=True)
class NodePools:
    """The platform's pools by name, the one for steps that nobody placed, and the currency of their costs."""

    pools: Mapping[str, NodePool] = field(default_factory=dict)
    default: str | None = None
    currency: str = "EUR"

    def named(self, name: str | None) -> NodePool | None:
        """The pool that `spec.nodePool` names, else the default one; None: any node. Raises InvalidPlacement."""
        chosen = name or self.default
        if chosen is None:
            return None
        self.check("nodePool", chosen)
        return self.pools[chosen]

    def check(self, field_name: str, pool: str | None) -> None:
        """Raises InvalidPlacement where a field of the spec names a pool that the platform does not have."""
        if pool is not None and pool not in self.pools:
            raise InvalidPlacement(
                f"spec.{field_name} names node pool {pool}, which the platform does not have; "
                f"name one of its pools: {_listed(self.pools)}"
            )


def choose(steps: Iterable[Step], selection: NodePoolSelection | None, pools: NodePools) -> dict[str, NodePool | None]:
    """The pool of each step, by the step's name; None: nowhere in particular.

    A platform without pools places nothing: its scheduler alone decides. Raises InvalidPlacement.
    """
    found = tuple(steps)
    selected = selection or NodePoolSelection()
    _check_names(found, selected, pools)
    return {step.name: _pool_of(step, selected, pools) for step in found}


def _check_names(steps: Iterable[Step], selection: NodePoolSelection, pools: NodePools) -> None:
    named = {f"steps.{step}": pool for step, pool in selection.steps.items()}
    for field_name, pool in {"default": selection.default, "accelerator": selection.accelerator, **named}.items():
        pools.check(f"nodePools.{field_name}", pool)
    known = {step.name for step in steps}
    for name in selection.steps:
        if name not in known:
            raise InvalidPlacement(
                f"spec.nodePools.steps names step {name}, which the pipeline does not have; "
                f"name one of its steps: {_listed(known)}"
            )


def _pool_of(step: Step, selection: NodePoolSelection, pools: NodePools) -> NodePool | None:
    override = selection.steps.get(step.name)
    if step.accelerator is not None and pools.pools:
        return _with_accelerator(step.name, step.accelerator, override, selection, pools)
    name = override or selection.default or pools.default
    return pools.pools[name] if name else None


def _with_accelerator(
    step: str, wish: Accelerator, override: str | None, selection: NodePoolSelection, pools: NodePools
) -> NodePool:
    offering = sorted(name for name, pool in pools.pools.items() if pool.offers(wish))
    wanted = wish.resource or "an accelerator"
    chosen = override or selection.accelerator
    if not offering:
        raise InvalidPlacement(
            f"step {step} asks for {wanted}, which no node pool offers (pools: {_listed(pools.pools)}); "
            "ask the platform team for one, or compile the step without it"
        )
    if chosen is not None and chosen not in offering:
        where = f"steps.{step}" if override else "accelerator"
        raise InvalidPlacement(
            f"step {step} asks for {wanted}, and spec.nodePools.{where} sends it to node pool {chosen}, "
            f"which does not offer it; name a pool that does: {_listed(offering)}"
        )
    if chosen is None and len(offering) > 1:
        raise InvalidPlacement(
            f"step {step} asks for {wanted}, which node pools {_listed(offering)} offer; "
            f"name one of them in spec.nodePools.accelerator or spec.nodePools.steps.{step}"
        )
    return pools.pools[chosen or offering[0]]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
