"""One round: stories under faults, then convergence, quiet, a restart, and the end of the namespace."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.campaign import scene, serving_verdict, stories, user, verdict
from tests.campaign.faults import Outage, Plan, outages
from tests.campaign.inspection import look
from tests.campaign.kubelet import Kubelet
from tests.campaign.ledger import Entry, Injected
from tests.campaign.parts import Parts
from tests.campaign.runner import Runner
from tests.campaign.story import Step, Story, training_run
from tests.campaign.verdict import Found

QUIET_SECONDS = 10.0
START_SECONDS = 10.0
UNSEEN_SECONDS = 3.0
UNDER_WAY_SECONDS = 5.0


@dataclass
class Outcome:
    """A round's. `converged`: seconds to it, each time. `faults`: what does not hold, in sentences."""

    namespace: str
    stories: Sequence[Story]
    converged: list[float] = field(default_factory=list)
    steps: Sequence[Step] = ()
    found: Found | None = None
    entries: list[Entry] = field(default_factory=list)
    injected: list[Injected] = field(default_factory=list)
    starts: int = 0
    faults: list[str] = field(default_factory=list)


class Round:
    """`span`: seconds in which users act and faults come. `patience`: seconds after the last fault to converge in."""

    def __init__(self, parts: Parts, seed: str, runs: int, span: float, patience: float) -> None:
        self.namespace = f"round-{seed.replace('/', '-')}"
        self._parts = parts
        self._seed = seed
        self._span = span
        self._patience = patience
        self._outcome = Outcome(self.namespace, stories.tell(seed, runs, span))
        runner = Runner(parts.api, parts.mlflow, parts.objects)
        self._kubelet = Kubelet(parts.api, runner, self.namespace, Random(f"{seed}/kubelet"))

    async def play(self) -> Outcome:
        """From an empty namespace to none."""
        parts, outcome = self._parts, self._outcome
        entries, injected, starts = len(parts.ledger.entries), len(parts.ledger.injected), parts.supervisor.starts
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        await parts.api.create("namespaces", "", namespace)
        async with self._kubelet.running():
            await self._stir()
            await self._converge()
            await self._rest()
            await self._miss()
            outcome.found = await self._look()
            outcome.faults += self._judged(entries)
            await self._vanish()
        outcome.faults += self._kubelet.errors
        outcome.entries, outcome.injected = parts.ledger.entries[entries:], parts.ledger.injected[injected:]
        outcome.starts = parts.supervisor.starts - starts
        return outcome

    async def _stir(self) -> None:
        """Users at work, and faults, until the span is over."""
        for proxy in self._parts.proxies.values():
            proxy.follow(Plan(self._seed))
        steps = [step for story in self._outcome.stories for step in story.steps]
        self._outcome.steps = steps = [*steps, *scene.steps(self._seed, self._span)]
        async with asyncio.TaskGroup() as together:
            users = together.create_task(user.play(self._parts.api, self.namespace, steps, self._span + self._patience))
            together.create_task(self._calm())
            for outage in outages(self._seed, self._span):
                together.create_task(self._parts.proxies[outage.target].suffer(outage))
        self._outcome.faults += users.result()

    async def _calm(self) -> None:
        await asyncio.sleep(self._span)
        for proxy in self._parts.proxies.values():
            proxy.follow(None)

    async def _converge(self) -> None:
        """After a while everything is as it must be."""
        begun = time.monotonic()
        while unsettled := self._unsettled(await self._look()):
            if time.monotonic() - begun > self._patience:
                self._outcome.faults += [f"after {self._patience:.0f} s: {fault}" for fault in unsettled]
                break
            await asyncio.sleep(1)
        self._outcome.converged.append(time.monotonic() - begun)

    async def _rest(self) -> None:
        """Nothing is written any more, also not by an operator that begins."""
        await self._silence("at rest", lambda: None, QUIET_SECONDS)
        await self._silence("after a restart", self._parts.supervisor.kill, START_SECONDS + QUIET_SECONDS)

    async def _miss(self) -> None:
        """What is taken away where no watch tells of it is made again."""
        outage = Outage("kubernetes", 0.0, UNSEEN_SECONDS, forgets=scene.CHILDREN)
        unwatched = self._parts.proxies["kubernetes"].suffer(outage)
        _, faults = await asyncio.gather(unwatched, user.play(self._parts.api, self.namespace, scene.unseen()))
        self._outcome.faults += faults
        await self._converge()

    async def _silence(self, when: str, begin: Callable[[], None], seconds: float) -> None:
        begin()
        since = time.time()
        await asyncio.sleep(seconds)
        written = [f"{e.call.kind} {e.call.about}" for e in self._parts.ledger.writes(since)]
        self._outcome.faults += [f"written {when}: {what}" for what in written]

    def _judged(self, since: int) -> list[str]:
        launches = verdict.launches(self._parts.ledger.entries[since:], self._outcome.stories)
        return [*launches, *verdict.overlaps(self._kubelet.lives.values())]

    async def _vanish(self) -> None:
        """The namespace is deleted under TrainingRuns that are under way."""
        api = self._parts.api
        for name in ("doomed-1", "doomed-2"):
            await api.create("trainingruns", self.namespace, training_run(name, Random(name), {"ends": "never"}))
        await asyncio.sleep(UNDER_WAY_SECONDS)
        await api.delete("namespaces", "", self.namespace)
        begun = time.monotonic()
        while await api.get("namespaces", "", self.namespace):
            if time.monotonic() - begun > self._patience:
                self._outcome.faults.append(f"the namespace is still there {self._patience:.0f} s after its deletion")
                return
            await asyncio.sleep(0.5)
        self._outcome.faults += verdict.executions(await self._look())

    async def _look(self) -> Found:
        return await look(self._parts.api, self._parts.mlflow, self.namespace)

    def _unsettled(self, found: Found) -> list[str]:
        return [
            *verdict.training_runs(found, self._outcome.stories),
            *verdict.models(found),
            *serving_verdict.deployments(found),
            *verdict.executions(found),
            *verdict.orphans(found),
        ]


def log_faults(log: Path) -> list[str]:
    """Exceptions that nobody handled, by the operator's log."""
    lines = log.read_text(errors="replace").splitlines()
    return [line[:1500] for line in lines if "Traceback" in line or "unexpected error" in line]
