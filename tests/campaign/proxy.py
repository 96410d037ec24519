"""A reverse proxy that injects faults and keeps the ledger of what went through."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from tests.campaign.answers import Answer, cut, never, passed, refusal
from tests.campaign.calls import Call, Role
from tests.campaign.faults import STATUS, Fault, Outage, Plan, What
from tests.campaign.ledger import Entry, Injected, Ledger
from yarl import URL

KEPT_SECONDS = 2  # MLflow's server closes idle connections after five
GONE = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410}
Reader = Callable[[str, str, Mapping[str, str], bytes], Call]


class Proxy:
    """Passes everything on, but for what it is to meet. `kill`: ends the operator at once."""

    def __init__(self, name: str, upstream: str, reader: Reader, ledger: Ledger, kill: Callable[[], None]) -> None:
        self._plan: Plan | None = None
        self._outage: Outage | None = None
        self._streams: dict[asyncio.Task[None], str] = {}
        self._expired: set[str] = set()
        self._name = name
        self._upstream = upstream
        self._reader = reader
        self._ledger = ledger
        self._kill = kill
        self._numbers: Counter[str] = Counter()
        self._lists: dict[str, Answer] = {}

    def follow(self, plan: Plan | None) -> None:
        """Injects what the plan says; None: nothing."""
        self._plan = plan
        self._numbers.clear()

    async def suffer(self, outage: Outage) -> None:
        """Until the outage is over. What streams is cut."""
        await asyncio.sleep(outage.begins)
        self._noted(Call(self._name, "", Role.READ), Fault(outage.what, outage.seconds))
        self._outage = outage
        self._expired = {f"WATCH {kind}" for kind in outage.forgets} or set(self._streams.values())
        for stream in self._streams:
            stream.cancel()
        await asyncio.sleep(outage.seconds)
        self._outage = None

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        """While it listens."""
        application = web.Application(client_max_size=64 * 1024**2)
        application.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        connector = aiohttp.TCPConnector(limit=0, ssl=False, keepalive_timeout=KEPT_SECONDS)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as self._http:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._outage is not None:
            return refusal(503) if self._outage.what is What.LONG_OUTAGE else cut(request)
        try:
            body = await request.read()
            call = self._reader(request.method, request.path, request.query, body)
            fault = self._expiry(call) or self._next(call)
            if call.role is Role.WATCH:
                return await self._watch(request, call, fault)
            return await self._answer(request, body, call, fault)
        except (aiohttp.ClientError, ConnectionError):  # either side has gone
            return cut(request)

    def _expiry(self, call: Call) -> Fault | None:
        if call.kind not in self._expired:
            return None
        self._expired.discard(call.kind)
        return self._noted(call, Fault(What.GONE))

    def _next(self, call: Call) -> Fault | None:
        if self._plan is None:
            return None
        number = self._numbers[call.kind]
        self._numbers[call.kind] += 1
        fault = self._plan.fault(call, number)
        return self._noted(call, fault) if fault else None

    def _noted(self, call: Call, fault: Fault) -> Fault:
        self._ledger.injected.append(Injected(time.time(), call, fault))
        return fault

    async def _answer(self, request: web.Request, body: bytes, call: Call, fault: Fault | None) -> web.StreamResponse:
        what = fault.what if fault else None
        if fault and (refused := await self._before(request, fault)):
            return refused
        earlier = self._lists.get(request.path_qs)
        answer = await self._forward(request, body, call, what)
        if what is What.KILL_AFTER:
            self._kill()
        if what in (What.KILL_AFTER, What.LOSE_REPLY):
            return cut(request)
        if what is What.TIMEOUT:
            return refusal(504)
        if what is What.HANG:
            return await never(request)
        told = earlier if earlier and what is What.STALE else answer
        return web.Response(status=told.status, headers=told.headers, body=told.body)

    async def _before(self, request: web.Request, fault: Fault) -> web.Response | None:
        """What keeps a call from getting through, if anything does."""
        if fault.what is What.KILL_BEFORE:
            self._kill()
        if fault.what in (What.KILL_BEFORE, What.REFUSE):
            return cut(request)
        if fault.what is What.DELAY:
            await asyncio.sleep(fault.seconds)
        return refusal(STATUS[fault.what]) if fault.what in STATUS else None

    async def _forward(self, request: web.Request, body: bytes, call: Call, what: What | None) -> Answer:
        async with self._http.request(
            request.method,
            URL(self._upstream + request.raw_path, encoded=True),
            headers=passed(request.headers) | {"Host": request.headers["Host"]},
            data=body or None,
            allow_redirects=False,
        ) as response:
            answer = Answer(response.status, passed(response.headers), await response.read())
        self._ledger.entries.append(Entry(time.time(), call, answer.status, what))
        if call.role is Role.LIST and answer.status == 200:
            self._lists[request.path_qs] = answer
        return answer

    async def _watch(self, request: web.Request, call: Call, fault: Fault | None) -> web.StreamResponse:
        what = fault.what if fault else None
        if what in STATUS:
            return refusal(STATUS[what])
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        await stream.prepare(request)
        if what is What.GONE:
            await stream.write(json.dumps({"type": "ERROR", "object": GONE}).encode() + b"\n")
            return stream
        if what is What.DEAD:
            return await never(request)
        copying = asyncio.create_task(self._copy(request, stream, fault))
        self._streams[copying] = call.kind
        await asyncio.wait({copying}, timeout=fault.seconds if fault and what is What.CUT else None)
        del self._streams[copying]
        copying.cancel()
        return cut(request)

    async def _copy(self, request: web.Request, stream: web.StreamResponse, fault: Fault | None) -> None:
        """Until either side ends."""
        url = URL(self._upstream + request.raw_path, encoded=True)
        held = fault.seconds * 2 if fault and fault.what is What.SILENT else 0.0
        forever = aiohttp.ClientTimeout(total=None)
        try:
            async with self._http.get(url, headers=passed(request.headers), timeout=forever) as response:
                async for chunk in response.content.iter_any():
                    await asyncio.sleep(held)
                    held = 0.0
                    await stream.write(chunk)
        except (aiohttp.ClientError, ConnectionError):
            return
