"""What the three reconcilers share: read the object, decide, act, report; and how trouble is told."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import ValidationError

from millwright.api.common import StatusModel
from millwright.core.actions import HoldFinalizer, ReleaseFinalizer
from millwright.core.conditions import Fact, find, merge, stalled, unavailable, working
from millwright.core.execution import ObjectKey
from millwright.core.plan import Plan
from millwright.ports import Clock, Cluster, ConflictError, DependencyError, Manifest, RejectedError, Resource
from millwright.reconcilers.object_cache import ObjectCache, Reader
from millwright.reconcilers.reporting import Reporter

Action = TypeVar("Action")
Status = TypeVar("Status", bound=StatusModel)


class Reconciler(ABC, Generic[Action, Status]):
    """Reconciles one kind; `reconcile` may be killed anywhere and run again."""

    resource: Resource
    status_type: type[Status]

    def __init__(self, cluster: Cluster, clock: Clock, cache: ObjectCache) -> None:
        self._cluster = cluster
        self._clock = clock
        self._cache = cache
        self._reporter = Reporter(cluster, self.resource, cache)

    async def reconcile(self, key: ObjectKey) -> float | None:
        """One look at the object. Returns in how many seconds to look again; None: when something changes.

        It is at the object as it was seen last, and begins anew where that turns out to be old.

        Raises, after saying so in the status: DependencyError when something we depend on is down, RejectedError when
        only a change of what was asked helps.
        """
        try:
            return await self._look(key, Reader(self._cluster, self._cache))
        except ConflictError:
            return await self._look(key, Reader(self._cluster, self._cache, live=True))

    async def _look(self, key: ObjectKey, reader: Reader) -> float | None:
        body = await reader.get(self.resource, key)
        if body is None:
            return None
        try:
            plan = await self.observe_and_decide(key, body, reader)
            if plan.actions or plan.status != self._status(body):
                await self._confirm(key, plan, reader)
                await self._carry_out(key, body, plan)
            return plan.requeue_after
        except ConflictError:
            raise  # nothing to tell: it is seen as it is now by the next look
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
    async def observe_and_decide(self, key: ObjectKey, body: Manifest, reader: Reader) -> Plan[Action, Status]:
        """Reads everything and decides once. What the decision may not be wrong about is read by `reader`."""

    @abstractmethod
    async def act(self, key: ObjectKey, body: Manifest, action: Action) -> None:
        """Does one action."""

    async def set_finalizer(self, key: ObjectKey, body: Manifest, finalizer: str, held: bool) -> None:
        """By JSON merge patch on the version that was read, so that nobody else's finalizer is lost."""
        others = [f for f in body["metadata"].get("finalizers", []) if f != finalizer]
        await self.patch_metadata(key, body, {"finalizers": [*others, finalizer] if held else others})

    async def patch_metadata(self, key: ObjectKey, body: Manifest, changes: Manifest) -> None:
        """Of the version that was seen. `body` gets what this makes of it, so that the look can go on."""
        patch = {"metadata": changes | {"resourceVersion": body["metadata"]["resourceVersion"]}}
        made = await self._cluster.patch(self.resource, key.namespace, key.name, patch)
        assert made is not None
        self._cache.learn(self.resource, made)
        body["metadata"] = made["metadata"]

    def reported(self, body: Manifest, before: Status, status: Status) -> None:
        """What is to be counted once a status stands in the cluster."""

    async def _confirm(self, key: ObjectKey, plan: Plan[Action, Status], reader: Reader) -> None:
        """Whatever is written follows from what is there. A write of the object itself is of the version seen."""
        itself = not plan.actions or isinstance(plan.actions[0], HoldFinalizer | ReleaseFinalizer)
        await reader.confirm(*[(self.resource, key)] if itself else [])

    async def _carry_out(self, key: ObjectKey, body: Manifest, plan: Plan[Action, Status]) -> None:
        before = self._status(body)
        for action in plan.actions:
            await self.act(key, body, action)
        await self._reporter.report(body, before, plan.status, self._clock.now())
        self.reported(body, before, plan.status)

    def _status(self, body: Manifest) -> Status:
        return self.status_type.model_validate(body.get("status") or {})

    async def _tell(self, body: Manifest, facts: tuple[Fact, ...], **changes: int) -> None:
        status = self._status(body)
        now: datetime = self._clock.now()
        conditions = merge(getattr(status, "conditions", ()), facts, body["metadata"]["generation"], now)
        await self._reporter.report(body, status, status.model_copy(update={"conditions": conditions} | changes), now)

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
