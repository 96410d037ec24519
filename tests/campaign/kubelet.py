"""The kubelet of a node without containers: what pods would do is played here, and written where they would write it.

Pods are bound, run for a while, end, and go when they are told to, with all that the controllers look at.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from tests.campaign import runner
from tests.campaign.api import Api, Manifest
from tests.campaign.runner import Ended, Runner

NODE = "played"
LOOK_SECONDS = 0.3
NEVER_READY = "campaign/never-ready"


@dataclass
class Life:
    """A pod's life here, by the clock. `execution`: of what it runs, empty for servers."""

    uid: str
    training_run: str
    execution: str
    step: str
    began: datetime
    ended: datetime | None = None


@dataclass
class Kubelet:
    """Plays all pods of a namespace. `lives`: all that ran, in order."""

    api: Api
    runner: Runner
    namespace: str
    random: Random
    lives: dict[str, Life] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    _playing: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While it looks after the pods."""
        await self.api.create("nodes", "", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
        looking = asyncio.create_task(self._look_always())
        try:
            yield
        finally:
            for task in (looking, *self._playing.values()):
                task.cancel()
            await asyncio.gather(looking, *self._playing.values(), return_exceptions=True)

    async def _look_always(self) -> None:
        while True:
            for pod in await self.api.items("pods", self.namespace, resourceVersion="0"):
                self._look(pod)
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self, pod: Manifest) -> None:
        """One task for a pod's life, another for its end."""
        uid, leaving = pod["metadata"]["uid"], "deletionTimestamp" in pod["metadata"]
        name = f"{uid}/end" if leaving else uid
        if name not in self._playing:
            if leaving and uid in self._playing:
                self._playing[uid].cancel()
            work = self._end(pod) if leaving else self._live(pod)
            self._playing[name] = asyncio.create_task(self._noted(work))

    async def _noted(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (RuntimeError, OSError) as error:
            self.errors.append(f"the played kubelet: {error!r}")

    async def _live(self, pod: Manifest) -> None:
        labels, metadata, random = pod["metadata"]["labels"], pod["metadata"], self.random
        await asyncio.sleep(random.uniform(0.0, 0.5))
        await self._bind(metadata["name"])
        await asyncio.sleep(random.uniform(0.1, 1.0))
        step = labels.get(runner.STEP_LABEL, "")
        run, execution = labels.get(runner.UID_LABEL, ""), labels.get(runner.EXECUTION_LABEL, "")
        self.lives[metadata["uid"]] = life = Life(metadata["uid"], run, execution, step, _now())
        await self._say(pod, _running(pod, life, ready=False))
        if not step:
            await self._serve(pod, life)
            return
        ended = await self.runner.play(pod, random)
        life.ended = _now()
        await self._say(pod, _over(pod, life, ended))

    async def _serve(self, pod: Manifest, life: Life) -> None:
        await asyncio.sleep(self.random.uniform(0.2, 1.5))
        if NEVER_READY not in pod["metadata"].get("annotations", {}):
            await self._say(pod, _running(pod, life, ready=True))

    async def _end(self, pod: Manifest) -> None:
        """As a container that takes SIGTERM."""
        metadata = pod["metadata"]
        life = self.lives.get(metadata["uid"])
        await asyncio.sleep(self.random.uniform(0.0, 1.0))
        if life is not None and life.ended is None:
            life.ended = _now()
            await self._say(pod, _over(pod, life, Ended(143)))
        await self.api.delete("pods", self.namespace, metadata["name"], grace_seconds=0)

    async def _bind(self, name: str) -> None:
        target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        await self.api.create("bindings", self.namespace, binding)

    async def _say(self, pod: Manifest, status: Manifest) -> None:
        await self.api.patch("pods", self.namespace, pod["metadata"]["name"], {"status": status}, "status")


def _now() -> datetime:
    return datetime.now(UTC)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _running(pod: Manifest, life: Life, ready: bool) -> Manifest:
    state = {"running": {"startedAt": _text(life.began)}}
    return _status(pod, life, "Running", state, ready)


def _over(pod: Manifest, life: Life, ended: Ended) -> Manifest:
    assert life.ended is not None
    times = {"startedAt": _text(life.began), "finishedAt": _text(life.ended)}
    words = {"message": json.dumps(ended.words)} if ended.words else {}
    state = {"terminated": {"exitCode": ended.exit_code, "reason": "Completed"} | times | words}
    status = _status(pod, life, "Failed" if ended.exit_code else "Succeeded", state, ready=False)
    if ended.evicted:
        status["conditions"].append(_condition("DisruptionTarget", True, "EvictionByEvictionAPI"))
    return status


def _status(pod: Manifest, life: Life, phase: str, state: Manifest, ready: bool) -> Manifest:
    container = {"name": pod["spec"]["containers"][0]["name"], "state": state, "ready": ready, "restartCount": 0}
    conditions = [_condition(kind, ready, "Played") for kind in ("Ready", "ContainersReady")]
    return {
        "phase": phase,
        "startTime": _text(life.began),
        "conditions": [_condition("PodScheduled", True, "Played"), *conditions],
        "containerStatuses": [container | {"image": "played", "imageID": "played"}],
    }


def _condition(kind: str, holds: bool, reason: str) -> Manifest:
    now = _text(_now())
    return {"type": kind, "status": str(holds), "reason": reason, "lastTransitionTime": now}
