"""What a decision on a Deployment depends on, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from millwright.api.deployment import DeploymentSpec, DeploymentStatus
from millwright.core import autoscaling
from millwright.core.analysis.verdict import Verdict
from millwright.core.execution import ObjectKey
from millwright.core.experiments.tally import Tally
from millwright.core.route_state import RouteState
from millwright.core.serving_pod import Target
from millwright.core.strategies.walk import Hold
from millwright.core.training_state import Missing
from millwright.core.version_set_state import VersionSetState


@dataclass(frozen=True)
class Unresolved:
    """The registry does not answer, and the version that is wanted is not on record. `reason`, `message`: why."""

    reason: str
    message: str


@dataclass(frozen=True)
class DeploymentObserved:
    """Everything that a decision on a Deployment depends on.

    `pods`: by version set, those that hold room on a node, also where the set is gone. `service_applied`,
    `autoscaler_applied`: hashes of what those were made from (None: there is none of ours). `route`: the HTTPRoute.
    `verdict`: of the analysis of the candidate on record; None: none was asked for, or it could not be made (`blind`).
    `arms`: what each arm of an experiment is to serve. `tally`: what was counted for it; None: nothing new, or `blind`.
    """

    key: ObjectKey
    uid: str
    generation: int
    spec: DeploymentSpec
    status: DeploymentStatus
    target: Target | Missing | Unresolved
    sets: Mapping[str, VersionSetState]
    pods: Mapping[str, int] = field(default_factory=dict)
    service_applied: str | None = None
    autoscaler_applied: str | None = None
    route: RouteState | None = None
    verdict: Verdict | None = None
    blind: Hold | None = None
    arms: tuple[Target | Missing | Unresolved, ...] = ()
    tally: Tally | None = None

    @property
    def replicas(self) -> int:
        """Pods that the version that serves shall have."""
        return autoscaling.replicas(self.spec)

    @property
    def route_trouble(self) -> str | None:
        """Why clients outside do not reach what serves; None: they do, or there is no route for them."""
        if self.spec.route is None:
            return None
        return self.route.trouble if self.route is not None else "the HTTPRoute is being made"

    def others(self, version_set: str) -> int:
        """Pods of all other version sets."""
        return sum(count for name, count in self.pods.items() if name != version_set)

    def leaving(self, version_set: str) -> int:
        """Pods of neither that version set nor of what serves."""
        stable = self.status.stable
        return self.others(version_set) - (self.pods.get(stable.version_set, 0) if stable else 0)

    @property
    def serving(self) -> VersionSetState | None:
        """The version set that has the traffic; None: there is none, or somebody deleted it."""
        stable = self.status.stable
        return self.sets.get(stable.version_set) if stable else None
