"""Processes of `run` that can be killed at any moment and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from watchfiles import awatch

PATIENCE = 60.0
"""Seconds after which something that should have happened will not: a machine may be busy."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a process answers, and for whom."""

    host: str
    port: int
    token: str


class Runner:
    """Runs the organism of a project, one process at a time.

    ``address`` is where it answers, None while it does not; ``changed`` is set whenever that
    becomes another one. ``log`` is the file with what the processes have said.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        self._process: Process | None = None
        self._state = project / "state" / "xml-pipeline"
        self._state.mkdir(parents=True, exist_ok=True)
        self.log = project / "run.log"
        self.address: Address | None = None
        self.changed = asyncio.Event()

    async def start(self) -> float:
        """Start a process, wait until it answers, and return how many seconds that took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "xml_pipeline", "run", "organism.yaml"),
                *("--log-level", "error", "--grace", "30"),
                cwd=self._project,
                env={
                    **os.environ,
                    "EFFECTS": str(self._project / "effects"),
                    "XDG_STATE_HOME": str(self._project / "state"),
                },
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(PATIENCE):
            self.address = await self._announced(self._process.pid)
        self.changed.set()
        return loop.time() - began

    @property
    def pid(self) -> int:
        """Return the id of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def worked(self) -> float:
        """Return the seconds of the processor that the process has had, its start included."""
        said = Path(f"/proc/{self.pid}/stat").read_text()
        user, system = said.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def freeze(self) -> None:
        """Let the process hang: it answers nobody, and does nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the process go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> int:
        """Kill the process as nothing can prevent it; return its exit code."""
        return await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask the process to stop in order, and return its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        self.address = None
        self.changed.clear()
        self._process.send_signal(how)
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()

    async def _announced(self, pid: int) -> Address:
        """Wait for the file in which a process says where it answers."""
        file = self._state / f"{pid}.json"
        assert self._process is not None
        async for _ in looks_at(self._state):
            if file.exists():
                said = json.loads(file.read_text(encoding="utf-8"))
                host, _, port = said["url"].rpartition("/")[2].rpartition(":")
                return Address(host, int(port), said["token"])
            if self._process.returncode is not None:
                break
        raise AssertionError(f"it does not run:\n{self.log.read_text()}")


def looks_at(folder: Path) -> AsyncGenerator[object, None]:
    """Yield when something in a folder has changed, and now and then if nothing has."""
    return awatch(
        folder, recursive=False, debounce=20, step=10, rust_timeout=100, yield_on_timeout=True
    )
