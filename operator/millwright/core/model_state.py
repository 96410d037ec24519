"""What a decision on a Model depends on, as frozen values."""

from dataclasses import dataclass, field

from millwright.api.model import DeployedBy, ModelSpec, ModelStatus
from millwright.core.deployed import Server, deployed_by
from millwright.core.execution import ObjectKey
from millwright.core.registry import RegisteredModel, RegisteredVersion
from millwright.core.upstream import UpstreamModels


@dataclass(frozen=True)
class ModelObserved:
    """Everything that a decision on a Model depends on.

    `rival`: another Model of the namespace that has the registered name. `packages`: the folder of the packages of its
    versions. `unreported`: versions whose TrainingRun does not know of them yet. `importing`: an import is under way,
    and is to end before the Model does.
    """

    key: ObjectKey
    generation: int
    spec: ModelSpec
    status: ModelStatus
    deleting: bool = False
    held: bool = False
    registered: RegisteredModel | None = None
    rival: str | None = None
    versions: tuple[RegisteredVersion, ...] = ()
    servers: tuple[Server, ...] = ()
    upstream: UpstreamModels = field(default_factory=dict)
    packages: str = ""
    unreported: frozenset[str] = frozenset()
    importing: bool = False

    @property
    def deployed_by(self) -> tuple[DeployedBy, ...]:
        """Deployments that serve versions."""
        return deployed_by(self.key.name, self.versions, self.servers)


def registered_name(key: ObjectKey, spec: ModelSpec) -> str:
    """Name in the registry."""
    return spec.registered_name or f"{key.namespace}.{key.name}"


def name_is_foreign(key: ObjectKey, spec: ModelSpec) -> bool:
    """True when the registered name belongs to another namespace."""
    return not registered_name(key, spec).startswith(f"{key.namespace}.")
