"""What a worker process prints: into the log, line by line, under the worker's name."""

from __future__ import annotations

import asyncio
import logging

log = logging.getLogger(__name__)

LONGEST_LINE = 8 * 1024
"""Bytes of a line; a longer one is logged in pieces."""


class Output(asyncio.Protocol):
    """Logs each line that comes from a pipe."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Log the lines that are complete, and what is too long to wait for its end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._log(line)
        if len(self._rest) > LONGEST_LINE:
            self._log(self._rest)
            self._rest = b""

    def eof_received(self) -> None:
        """Log what came last."""
        if self._rest:
            self._log(self._rest)
            self._rest = b""

    def _log(self, line: bytes) -> None:
        for at in range(0, len(line), LONGEST_LINE):
            text = line[at : at + LONGEST_LINE].decode(errors="replace").rstrip()
            if text:
                log.info("%s: %s", self._name, text, extra={"worker": self._name})
