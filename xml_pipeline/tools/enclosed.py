"""Sandboxes of listeners: a process for each message, which reaches nothing but what it may.

No handler (``tools:enclosed`` handles nothing): the blueprint takes a sandbox from here for every
listener that says ``sandbox: true``.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path

from xml_pipeline.config import OrganismConfig, SandboxConfig
from xml_pipeline.errors import ConfigError
from xml_pipeline.sandbox import Ended, Whose
from xml_pipeline.tools.sandbox.command import Enclosure
from xml_pipeline.tools.sandbox.offered import Offered, kind_of, offered
from xml_pipeline.tools.sandbox.running import run
from xml_pipeline.tools.workspace import Workspaces, workspaces_of

_OURS = str(Path(__file__).resolve().parents[1])
_NOT_ENCLOSED = 125


@dataclass(frozen=True, slots=True)
class Enclosed:
    """The sandbox of one listener; without ``spaces`` each process has an empty folder."""

    enclosure: Enclosure
    spaces: Workspaces | None

    async def run(self, whose: Whose, argv: Sequence[str], fd: int) -> Ended:
        """Run a process in the folder of whom it works for."""
        async with self._folder(whose) as folder:
            ran = await run(self.enclosure, argv, folder, inf, fd)
        return Ended(ran.output, ran.code, ran.why, begun=ran.code != _NOT_ENCLOSED)

    @asynccontextmanager
    async def _folder(self, whose: Whose) -> AsyncIterator[str]:
        if self.spaces is not None:
            space = await asyncio.to_thread(self.spaces.of, whose)
            yield space.folder
            return
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
            yield empty


def sandbox_of(config: SandboxConfig, organism: OrganismConfig, folder: Path) -> Enclosed:
    """Return the sandbox that a listener asks for; ConfigError where this machine has none.

    ``folder`` is where the organism file lies, from which its paths are seen.
    """
    return enclosed(config, organism, folder, offered())


def enclosed(
    config: SandboxConfig, organism: OrganismConfig, folder: Path, found: Offered
) -> Enclosed:
    """Return the sandbox on a machine that offers this."""
    kind = kind_of(config.kind, found)
    if kind is None:
        words = f"this machine cannot enclose its process ({found.reasons}); `sandbox: false`"
        raise ConfigError((f"{words} allows its handler to do whatever this process may",))
    readable = (_OURS, *(str(folder / Path(each).expanduser()) for each in config.readable))
    limits = config.model_copy(update={"readable": readable})
    if config.workspace == "none":
        return Enclosed(Enclosure(kind, limits, found), None)
    return Enclosed(Enclosure(kind, limits, found, config.workspace), workspaces_of(organism))
