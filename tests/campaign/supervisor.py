"""The operator as a process: started, killed with -9, and started again, as its pod's kubelet would."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

PAUSE_SECONDS = 0.3
ROOT = Path(__file__).resolve().parents[2]


class Supervisor:
    """`exits`: how the operator ended by itself, which it should not."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.starts = 0
        self.exits: list[str] = []
        self.log = log
        self._environment = os.environ | environment
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While it is kept running."""
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            self.kill()

    def kill(self) -> None:
        """kill -9; when this returns it has gone."""
        if self._process is not None and self._process.poll() is None:
            self._killed = True
            self._process.kill()
            self._process.wait()

    async def _keep(self) -> None:
        while True:
            self._killed = False
            self.starts += 1
            process = self._process = self._start()
            code = await asyncio.to_thread(process.wait)
            if not self._killed:
                self.exits.append(f"start {self.starts}: the operator ended by itself: {code}")
            await asyncio.sleep(PAUSE_SECONDS)

    def _start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "millwright"]
            return subprocess.Popen(command, env=self._environment, cwd=ROOT, stdout=log, stderr=log)
