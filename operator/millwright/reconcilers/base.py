"""What the three reconcilers share: read the object, decide, act, report; and how trouble is told."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import ValidationError

from millwright.api.common import StatusModel
from millwright.core.conditions import Fact, find, merge, stalled, unavailable, working
from millwright.core.execution import ObjectKey
from millwright.core.plan import Plan
from millwright.ports import Clock, Cluster, DependencyError, Manifest, RejectedError, Resource
from millwright.reconcilers.reporting import Reporter

Action = TypeVar("Action")
Status = TypeVar("Status", bound=StatusModel)


class Reconciler(ABC, Generic[Action, Status]):
    """Reconciles one kind; `reconcile` may be killed anywhere and run again."""

    resource: Resource
    status_type: type[Status]

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._reporter = Reporter(cluster, self.resource)

    async def reconcile(self, key: ObjectKey) -> float | None:
        """One look at the object. Returns in how many seconds to look again; None: when something changes.

        Raises, after saying so in the status: DependencyError when something we depend on is down, RejectedError when
        only a change of what was asked helps.
        """
        body = await self._cluster.get(self.resource, key.namespace, key.name)
        if body is None:
            return None
        try:
            plan = await self.observe_and_decide(key, body)
            for action in plan.actions:
                await self.act(key, body, action)
            await self._reporter.report(body, plan.status, self._clock.now())
            self.reported(body, plan.status)
            return plan.requeue_after
        except DependencyError as error:
            await self._tell(body, _interrupted(self._status(body), error.reason, str(error)))
            raise
        except RejectedError as error:
            await self._tell_stalled(body, "Rejected", str(error))
            raise
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
            message = f"{wrong}; correct the spec and apply it again"
            await self._tell_stalled(body, "InvalidSpec", message)
            raise RejectedError(message) from error

    @abstractmethod
    async def observe_and_decide(self, key: ObjectKey, body: Manifest) -> Plan[Action, Status]:
        """Reads everything and decides once."""

    @abstractmethod
    async def act(self, key: ObjectKey, body: Manifest, action: Action) -> None:
        """Does one action."""

    async def set_finalizer(self, key: ObjectKey, body: Manifest, finalizer: str, held: bool) -> None:
        """By JSON merge patch on the version that was read, so that nobody else's finalizer is lost."""
        metadata = body["metadata"]
        others = [f for f in metadata.get("finalizers", []) if f != finalizer]
        wanted = [*others, finalizer] if held else others
        patch = {"metadata": {"finalizers": wanted, "resourceVersion": metadata["resourceVersion"]}}
        await self._cluster.patch(self.resource, key.namespace, key.name, patch)

    def reported(self, body: Manifest, status: Status) -> None:
        """What is to be counted once a status stands in the cluster; `body` is the object before it."""

    def _status(self, body: Manifest) -> Status:
        return self.status_type.model_validate(body.get("status") or {})

    async def _tell(self, body: Manifest, facts: tuple[Fact, ...], **changes: int) -> None:
        status = self._status(body)
        now: datetime = self._clock.now()
        conditions = merge(getattr(status, "conditions", ()), facts, body["metadata"]["generation"], now)
        await self._reporter.report(body, status.model_copy(update={"conditions": conditions} | changes), now)

    async def _tell_stalled(self, body: Manifest, reason: str, message: str) -> None:
        """That is the verdict on this generation: kstatus, told of an earlier one, would go on waiting."""
        await self._tell(body, stalled(reason, message), observed_generation=body["metadata"]["generation"])


def _interrupted(status: StatusModel, reason: str, message: str) -> tuple[Fact, ...]:
    """What was ready stays ready: what serves does not stop because the registry is down."""
    before = find(getattr(status, "conditions", ()), "Ready")
    if before is not None and before.status == "True":
        return (Fact("Reconciling", "True", reason, message),)
    if before is not None and before.status == "False":
        return unavailable(reason, message)
    return working(reason, message)
