"""Models in memory: loaded by need, each once, and dropped when there is no room for them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from typing import Protocol, TypeVar

from millwright_serving.errors import RequestError
from millwright_serving.many.metrics import ManyMetrics
from millwright_serving.memory import MIB
from millwright_serving.package import PackageError
from millwright_serving.served import ServedModel
from millwright_serving.settings import ManyModels, ModelVersion

# Dropped at once, of what is loaded: to ask for the memory back takes as long for many models as for one.
EVICTED_SHARE = 0.05

_log = logging.getLogger("millwright_serving.many")
_T = TypeVar("_T")


class Memory(Protocol):
    """The process's own."""

    def resident_bytes(self) -> int:
        """What it has now."""
        ...

    def give_back(self) -> None:
        """What was freed."""
        ...


@dataclass(eq=False, slots=True)
class _Loaded:
    """`users`: requests that are under way; `used`: the number of the last one."""

    model: ServedModel
    users: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True)
class _Broken:
    """Not tried again before `until`."""

    reason: str
    until: float


class ModelCache:
    """Used by one event loop; `load` is called in threads, at most `settings.max_loads` at once."""

    def __init__(
        self,
        load: Callable[[ModelVersion], ServedModel],
        settings: ManyModels,
        memory: Memory,
        metrics: ManyMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load, self._settings, self._memory, self._metrics, self._clock = load, settings, memory, metrics, clock
        self._listed: Container[ModelVersion] = ()
        self._loaded: dict[ModelVersion, _Loaded] = {}
        self._loading: dict[ModelVersion, asyncio.Task[_Loaded | _Broken]] = {}
        self._broken: dict[ModelVersion, _Broken] = {}
        self._places = asyncio.Semaphore(settings.max_loads)
        self._making_room = asyncio.Lock()
        self._uses = 0

    @property
    def loading(self) -> bool:
        """Whether any model is being loaded."""
        return bool(self._loading)

    def __len__(self) -> int:
        return len(self._loaded)

    def state(self, wanted: ModelVersion) -> tuple[str, str]:
        """In words of the V2 repository index: the state, and why it is UNAVAILABLE."""
        if wanted in self._loaded:
            return "READY", ""
        if wanted in self._loading:
            return "LOADING", ""
        broken = self._broken.get(wanted)
        return "UNAVAILABLE", broken.reason if broken else "not loaded"

    async def use(self, wanted: ModelVersion, work: Callable[[ServedModel], Awaitable[_T]]) -> _T:
        """What `work` makes of the model, which is not dropped meanwhile.

        Raises RequestError (503) when it cannot be loaded.
        """
        loaded = self._loaded.get(wanted) or await self._load_shared(wanted)
        self._uses += 1
        loaded.used = self._uses
        loaded.users += 1
        try:
            return await work(loaded.model)
        finally:
            loaded.users -= 1

    async def load(self, wanted: ModelVersion) -> None:
        """Loads it now, even if that has just failed. Raises RequestError (503) when it fails again."""
        self._broken.pop(wanted, None)
        if wanted not in self._loaded:
            await self._load_shared(wanted)

    async def unload(self, wanted: ModelVersion) -> None:
        """Drops it until it is asked for; requests under way go on with it."""
        if self._loaded.pop(wanted, None):
            await asyncio.to_thread(self._memory.give_back)

    async def keep(self, listed: Container[ModelVersion]) -> None:
        """Drops all others."""
        self._listed = listed
        self._broken = {one: broken for one, broken in self._broken.items() if one in listed}
        for one in [one for one in self._loaded if one not in listed]:
            del self._loaded[one]
        await asyncio.to_thread(self._memory.give_back)

    async def _load_shared(self, wanted: ModelVersion) -> _Loaded:
        task = self._loading.get(wanted)
        if task is None:
            self._check_not_broken(wanted)
            task = self._loading[wanted] = asyncio.create_task(self._load_alone(wanted))
            task.add_done_callback(lambda _: self._loading.pop(wanted))
        loaded = await asyncio.shield(task)  # whoever waits for it may leave, the others stay
        if isinstance(loaded, _Broken):
            raise _unavailable(wanted, loaded.reason)
        return loaded

    def _check_not_broken(self, wanted: ModelVersion) -> None:
        broken = self._broken.get(wanted)
        if broken and (left := broken.until - self._clock()) > 0:
            raise _unavailable(wanted, f"{broken.reason} It is tried again in {left:.0f} s.")

    async def _load_alone(self, wanted: ModelVersion) -> _Loaded | _Broken:
        async with self._places:
            found = await self._loaded_or_reason(wanted)
        if isinstance(found, str):
            return self._note_broken(wanted, found)
        if wanted not in self._listed:  # it was taken from the lists meanwhile; who asked before still gets its answer
            return found
        self._uses += 1
        found.used = self._uses
        self._loaded[wanted] = found
        if not await self._make_room(wanted):
            self._loaded.pop(wanted, None)
            del found
            await asyncio.to_thread(self._memory.give_back)
            return self._note_broken(wanted, self._too_large())
        self._metrics.loaded(succeeded=True)
        return found

    async def _loaded_or_reason(self, wanted: ModelVersion) -> _Loaded | str:
        try:
            with self._metrics.load_seconds.time():
                return _Loaded(await asyncio.to_thread(self._load, wanted))
        except PackageError as error:
            return str(error)
        except Exception as error:  # the libraries' exceptions share no base
            fields = {"model": wanted.name, "version": wanted.version}
            _log.exception("A model could not be loaded.", extra={"fields": fields})
            return f"It could not be loaded: {type(error).__name__}: {error}."

    def _note_broken(self, wanted: ModelVersion, reason: str) -> _Broken:
        fields = {"model": wanted.name, "version": wanted.version, "reason": reason}
        _log.warning("A model cannot be served.", extra={"fields": fields})
        self._metrics.loaded(succeeded=False)
        broken = _Broken(reason, self._clock() + self._settings.retry_seconds)
        self._broken[wanted] = broken
        return broken

    async def _make_room(self, newest: ModelVersion) -> bool:
        """Drops what was not used for longest; false where the newest one, all alone, is over the budget."""
        async with self._making_room:
            while self._is_full() and (oldest := self._oldest_idle(newest)):
                for one in oldest:
                    del self._loaded[one]
                self._metrics.evictions.inc(len(oldest))
                await asyncio.to_thread(self._memory.give_back)
            return len(self._loaded) > 1 or not self._is_full()

    def _is_full(self) -> bool:
        return self._memory.resident_bytes() > self._settings.memory_budget

    def _oldest_idle(self, newest: ModelVersion) -> list[ModelVersion]:
        idle = [one for one, loaded in self._loaded.items() if not loaded.users and one != newest]
        idle.sort(key=lambda one: self._loaded[one].used)
        return idle[: max(1, int(len(self._loaded) * EVICTED_SHARE))]

    def _too_large(self) -> str:
        budget = self._settings.memory_budget / MIB
        return (
            f"It needs more memory than there is: with it alone the server has over its budget of {budget:.0f} MiB. "
            "Give the pod more memory, or the model a pod of its own."
        )


def _unavailable(wanted: ModelVersion, reason: str) -> RequestError:
    return RequestError(503, f"model {wanted.name}, version {wanted.version}, cannot be served: {reason}")
