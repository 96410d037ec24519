"""Node pools as the platform team writes them: `nodePools`, `defaultNodePool` and `currency`, in YAML."""

from decimal import Decimal
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from millwright.api.common import ApiModel, DnsName
from millwright.core import quantity
from millwright.core.node_pools import NodePool, NodePools, Toleration

_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
LabelKey = Annotated[str, StringConstraints(pattern=rf"^([a-z0-9][-a-z0-9.]{{0,251}}[a-z0-9]/)?{_NAME}$")]
LabelValue = Annotated[str, StringConstraints(pattern=rf"^({_NAME})?$")]
ResourceName = Annotated[str, StringConstraints(pattern=rf"^[a-z0-9][-a-z0-9.]{{0,251}}[a-z0-9]/{_NAME}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


def _checked(text: str) -> str:
    quantity.parse(text)
    return text


Amount = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_checked)]
Amounts = dict[Annotated[str, StringConstraints(pattern="^(cpu|memory)$")], Amount]


class _Toleration(ApiModel):
    """A pod's toleration, by the rules of Kubernetes."""

    key: LabelKey | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: int | None = None

    @model_validator(mode="after")
    def _as_kubernetes_wants(self) -> Self:
        if self.key is None and self.operator != "Exists":
            raise ValueError("a toleration without key needs operator Exists")
        if self.value and self.operator == "Exists":
            raise ValueError("operator Exists takes no value")
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise ValueError("tolerationSeconds needs effect NoExecute")
        return self

    def toleration(self) -> Toleration:
        return Toleration(self.key or "", self.operator, self.value or "", self.effect or "", self.toleration_seconds)


class _Pool(ApiModel):
    """One node pool."""

    node_selector: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    tolerations: tuple[_Toleration, ...] = ()
    accelerator: ResourceName | None = None
    hourly_cost: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal(0)
    requests: Amounts = Field(default_factory=dict)
    limits: Amounts = Field(default_factory=dict)

    @model_validator(mode="after")
    def _requests_fit(self) -> Self:
        for resource, limit in self.limits.items():
            request = self.requests.get(resource, "0")
            if quantity.parse(request) > quantity.parse(limit):
                raise ValueError(f"requests.{resource} {request} is more than limits.{resource} {limit}")
        return self

    def pool(self, name: str) -> NodePool:
        return NodePool(
            name=name,
            node_selector=dict(self.node_selector),
            tolerations=tuple(toleration.toleration() for toleration in self.tolerations),
            accelerator=self.accelerator,
            hourly_cost=self.hourly_cost,
            requests=dict(self.requests),
            limits=dict(self.limits),
        )


class _File(ApiModel):
    """The whole file."""

    node_pools: dict[DnsName, _Pool] = Field(default_factory=dict)
    default_node_pool: DnsName | None = None
    currency: Currency = "EUR"

    @model_validator(mode="after")
    def _default_exists(self) -> Self:
        if self.default_node_pool is not None and self.default_node_pool not in self.node_pools:
            known = ", ".join(sorted(self.node_pools)) or "none"
            raise ValueError(f"defaultNodePool names {self.default_node_pool}, which is no pool; name one of: {known}")
        return self


def parse(content: bytes | None) -> NodePools:
    """The pools that a file describes. Raises ValueError with a list of all that is wrong."""
    if content is None:
        raise ValueError("the file is not there, or cannot be read")
    try:
        file = _File.model_validate(yaml.safe_load(content) or {})
    except yaml.YAMLError as error:
        raise ValueError(f"it is not YAML: {error}".replace("\n", " ")) from None
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors())
        raise ValueError("; ".join(faults)) from None
    pools = {name: pool.pool(name) for name, pool in file.node_pools.items()}
    return NodePools(pools, file.default_node_pool, file.currency)
