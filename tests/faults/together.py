"""Nodes that share a town in memory, so that they can live on a virtual clock."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from itertools import count

from xml_pipeline.backends import Commit, PastConversation, View, shard_of
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.errors import TakenOver


class Town:
    """What nodes share: what is written, who lives until when, and who holds which shard."""

    def __init__(self) -> None:
        self.memory = MemoryBackend()
        self.living: dict[str, tuple[Mapping[str, object], float]] = {}
        self.holders: dict[int, str] = {}
        self.numbers = count(1)
        self.claims: dict[tuple[str, str], str] = {}
        self.boxes: defaultdict[str, asyncio.Queue[bytes]] = defaultdict(asyncio.Queue)

    def seen_by(self, node: str, about: Mapping[str, object], lifetime: float) -> View:
        now = asyncio.get_running_loop().time()
        self.living[node] = about, now + lifetime
        self.living = {each: it for each, it in self.living.items() if it[1] > now}
        return View({each: about for each, (about, _) in self.living.items()}, dict(self.holders))

    def leave(self, node: str) -> None:
        self.living.pop(node, None)
        self.holders = {shard: it for shard, it in self.holders.items() if it != node}


class Boxes:
    """The postbox of a town."""

    def __init__(self, town: Town) -> None:
        self._town = town

    async def send(self, shard: int, letter: bytes) -> bool:
        return await self.reply(self._town.holders.get(shard, ""), letter)

    async def reply(self, node: str, letter: bytes) -> bool:
        if node in self._town.living:
            self._town.boxes[node].put_nowait(letter)
        return node in self._town.living

    async def receive(self, node: str) -> list[bytes]:
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                return [await self._town.boxes[node].get()]
        return []

    async def close(self) -> None:
        """Nothing is held."""


class Together:
    """One node's way to the town.

    ``goes_on`` and ``sees`` are cleared to let appending hang, or what was seen come late;
    ``looks`` is set while it does.
    """

    lifetime = 3.0

    def __init__(self, town: Town) -> None:
        memory = town.memory
        self.town = town
        self.node = ""
        self.goes_on, self.sees, self.looks = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.goes_on.set()
        self.sees.set()
        self.open = self.join
        self.unfinished = memory.unfinished
        self.conversation = memory.conversation
        self.conversations = memory.conversations
        self.letters = memory.letters
        self.letter = memory.letter
        self.marks = memory.marks

    async def join(self) -> None:
        self.begin_anew()

    async def close(self) -> None:
        self.town.leave(self.node)

    def postbox(self) -> Boxes:
        return Boxes(self.town)

    async def append(self, commit: Commit) -> None:
        await self.goes_on.wait()
        for entry in commit.entries:
            if self.town.holders.get(shard_of(entry.conversation)) != self.node:
                raise TakenOver("another node has taken over what is written to")
        await self.town.memory.append(commit)

    async def look(self, about: Mapping[str, object]) -> View:
        view = self.town.seen_by(self.node, about, self.lifetime)
        self.looks.set()
        await self.sees.wait()
        self.looks.clear()
        return view

    async def take(self, shards: Collection[int]) -> set[int]:
        holders, living = self.town.holders, self.town.living
        taken = {each for each in shards if holders.get(each) not in living}
        holders.update(dict.fromkeys(taken, self.node))
        return taken

    async def give(self, shards: Collection[int]) -> None:
        for each in shards:
            if self.town.holders.get(each) == self.node:
                del self.town.holders[each]

    def begin_anew(self) -> str:
        old, self.node = self.node, f"n{next(self.town.numbers)}"
        return old

    async def bury(self, node: str) -> None:
        self.town.leave(node)

    async def claim(self, kind: str, key: str, until: float, now: float) -> bool:
        if await self.town.memory.marked(kind, key, now) is not None:
            return False
        holder = self.town.claims.get((kind, key), self.node)
        if holder != self.node and holder in self.town.living:
            return False
        self.town.claims[kind, key] = self.node
        return True

    async def disclaim(self, kind: str, key: str) -> None:
        if self.town.claims.get((kind, key)) == self.node:
            del self.town.claims[kind, key]

    async def marked(self, kind: str, key: str, now: float) -> bytes | None:
        return await self.town.memory.marked(kind, key, now)

    async def unfinished_in(self, shards: Collection[int]) -> AsyncIterator[PastConversation]:
        async for past in self.town.memory.unfinished():
            if shard_of(past.id) in shards:
                yield past
