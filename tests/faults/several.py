"""Several processes of one organism, each a node, and whoever sends to any of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.faults.processes import Address, Runner
from tests.services.redis_server import RedisServer


class Nodes:
    """Nodes of the organism of a project; ``address`` is that of one after the other.

    ``redis`` is what they share.
    """

    def __init__(self, project: Path, redis: RedisServer) -> None:
        self._project = project
        self.redis = redis
        self._turn = 0
        self.changed = asyncio.Event()
        self.living: list[Runner] = []

    @property
    def address(self) -> Address | None:
        """Return where the next one answers, None where none does."""
        found = [each.address for each in self.living if each.address is not None]
        self._turn += 1
        return found[self._turn % len(found)] if found else None

    async def start(self) -> Runner:
        """Start one more."""
        node = Runner(self._project)
        await node.start()
        self.living.append(node)
        self.changed.set()
        return node

    async def kill(self, node: Runner) -> None:
        """Kill one as nothing can prevent it."""
        self.living.remove(node)
        await node.kill()

    async def stop(self) -> list[int]:
        """Ask all to stop in order, and return their exit codes."""
        return [await self.living.pop().stop() for _ in range(len(self.living))]
