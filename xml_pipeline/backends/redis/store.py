"""The backend itself: commits as the words of a script, and answers as what was committed."""

from __future__ import annotations

import asyncio
import json
import re
import struct
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

from xml_pipeline.backends.base import (
    SHARDS,
    Commit,
    DeadLetter,
    Mark,
    Past,
    PastConversation,
    View,
    as_json,
    from_json,
    seconds_kept,
    shard_of,
)
from xml_pipeline.backends.redis.board import RedisBoard
from xml_pipeline.backends.redis.line import Line, Word
from xml_pipeline.backends.redis.postbox import RedisPostbox
from xml_pipeline.backends.redis.promises import check_persistence
from xml_pipeline.backends.redis.scripts import (
    APPEND,
    CLAIM,
    DISCLAIM,
    GIVE,
    LEAVE,
    LOOK,
    TAKE,
    TAKE_ALL,
)
from xml_pipeline.config import BackendConfig
from xml_pipeline.errors import BackendUnavailable, TakenOver, XmlPipelineError

LIFETIME = 3.0

_TIDY_EVERY = 60.0
_AT_ONCE = 50
_TIME = struct.Struct(">d")
_WHAT = {(True, False): "o", (False, True): "e", (True, True): "b"}


_SPECIAL, _ESCAPED = re.compile(r"([\\*?\[\]^])"), r"\\\1"
_SCANNED = ("COUNT", "10000")


class RedisBackend:
    """Keeps everything under keys that begin with ``prefix``.

    One process that opens it holds all of it; nodes that join it hold some shards each.

    ``keep`` is for how many seconds a conversation that has ended can still be read: None for
    ever, 0 not at all. ``every_disk`` refuses a Redis that does not wait for its disk.
    ``lifetime`` is for how many seconds a process that says nothing is taken to live.
    """

    def __init__(
        self,
        url: str,
        prefix: str = "xp:",
        keep: float | None = None,
        *,
        every_disk: bool = False,
        lifetime: float = LIFETIME,
    ) -> None:
        self._url = url
        self._prefix = prefix
        self.lifetime = lifetime
        self._keep = keep
        self._every_disk = every_disk
        self._writing, self._reading = Line(url), Line(url, insists=True)
        self.node = ""
        self._tidied = 0.0
        self._living: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect and take hold of all; BackendUnavailable where somebody else has any of it."""
        await self.join()
        try:
            await self._take_hold()
        except XmlPipelineError:
            await self._reading.close()
            raise
        self._living = asyncio.create_task(self._live(), name="node")

    async def join(self) -> None:
        """Connect, as a node that holds nothing yet."""
        self.node = uuid4().hex
        try:
            await check_persistence(self._reading, every_disk=self._every_disk)
        except XmlPipelineError:
            await self._reading.close()
            raise

    async def close(self) -> None:
        """Let go of the keys, and hang up."""
        if self._living is not None:
            self._living.cancel()
            await asyncio.gather(self._living, return_exceptions=True)
            self._living = None
        with suppress(BackendUnavailable):  # Then the others see it in a few seconds.
            await self.bury(self.node)
        await self._writing.close()
        await self._reading.close()

    def board(self) -> RedisBoard:
        """Return where jobs are posted for workers elsewhere."""
        return RedisBoard(self._url, self._prefix, self.lifetime)

    def postbox(self) -> RedisPostbox:
        """Return the boxes through which nodes write to one another."""
        return RedisPostbox(self._url, self._prefix)

    async def append(self, commit: Commit) -> None:
        """Write a commit. Redis knows the last one of each node, and writes none twice."""
        if not await self._writing.run(APPEND, *self._words(commit)):
            raise TakenOver("Redis: another node has taken over what is written to")

    async def unfinished(self) -> AsyncIterator[PastConversation]:
        """Yield the conversations that have not ended."""
        async for past in self.unfinished_in(range(SHARDS)):
            yield past

    async def unfinished_in(self, within: Collection[int]) -> AsyncIterator[PastConversation]:
        """Yield the conversations of some shards that have not ended."""
        shards = [("ZRANGE", self._key("live", n), "0", "-1", "WITHSCORES") for n in within]
        ages: list[tuple[float, bytes]] = []
        for each in await self._reading.say_all(shards):
            ages += ((float(score), id) for id, score in zip(each[::2], each[1::2], strict=True))
        ages.sort()
        for some in range(0, len(ages), _AT_ONCE):
            ids = [id.decode() for _, id in ages[some : some + _AT_ONCE]]
            logs = [("LRANGE", self._key("log", id), "0", "-1") for id in ids]
            for id, entries in zip(ids, await self._reading.say_all(logs), strict=True):
                if entries:  # Else it has ended meanwhile, and is not kept.
                    yield _past(id, entries)

    async def conversation(self, id: str) -> PastConversation | None:
        """Return the log of one conversation."""
        entries, ended = await self._reading.say_all(
            (("LRANGE", self._key("log", id), "0", "-1"), ("ZSCORE", self._key("ended"), id))
        )
        return _past(id, entries, ended) if entries else None

    async def conversations(self, most: int) -> list[PastConversation]:
        """Return summaries of the conversations."""
        if most < 1:
            return []
        newest = ("ZREVRANGE", self._key("all"), "0", str(most - 1), "WITHSCORES")
        said = await self._reading.say(*newest)
        ids, scores = said[::2], said[1::2]
        if not ids:
            return []
        ends = await self._reading.say("ZMSCORE", self._key("ended"), *ids)
        return [
            PastConversation(id.decode(), float(score) / 1e6, _number(ended))
            for id, score, ended in zip(ids, scores, ends, strict=True)
        ]

    async def letters(self) -> list[DeadLetter]:
        """Return the dead letters."""
        said = await self._reading.say("HVALS", self._key("letters"))
        said.sort(key=lambda each: each.partition(b" ")[0].rjust(20))
        return [letter for each in said if (letter := from_json(each.partition(b" ")[2]))]

    async def letter(self, id: str) -> DeadLetter | None:
        """Return a dead letter."""
        said = await self._reading.say("HGET", self._key("letters"), id)
        return from_json(said.partition(b" ")[2]) if said is not None else None

    async def marked(self, kind: str, key: str, now: float) -> bytes | None:
        """Return the value of a mark."""
        mark = _read_mark(
            kind, key, await self._reading.say("GET", self._key("mark", kind, key)), now
        )
        return mark.value if mark is not None else None

    async def marks(self, kind: str, now: float) -> list[Mark]:
        """Return the marks of a kind; all keys there are have to be looked through for them."""
        head = self._key("mark", kind, "")
        pattern, found, cursor = f"{_SPECIAL.sub(_ESCAPED, head)}*", dict[str, Mark](), b"0"
        while True:
            cursor, keys = await self._reading.say("SCAN", cursor, "MATCH", pattern, *_SCANNED)
            values = await self._reading.say("MGET", *keys) if keys else ()
            for name, said in zip(keys, values, strict=True):
                key = name.decode().removeprefix(head)
                if (mark := _read_mark(kind, key, said, now)) is not None:
                    found[key] = mark
            if cursor == b"0":
                return list(found.values())

    # ── holding on ──────────────────────────────────────────────────────────────────────────

    async def look(self, about: Mapping[str, object]) -> View:
        """Say that this node lives; see who else does, and who holds what."""
        living, leases = await self._reading.run(LOOK, *self._alive(about))
        return View(
            {
                node.decode(): _read_about(said)
                for node, said in zip(living[::2], living[1::2], strict=True)
            },
            {
                int(shard): node.decode()
                for shard, node in zip(leases[::2], leases[1::2], strict=True)
            },
        )

    async def take(self, shards: Collection[int]) -> set[int]:
        """Take those of these shards that nobody who lives holds; return which."""
        taken = await self._reading.run(TAKE, self._prefix, self.node, *map(str, shards))
        return {int(shard) for shard in taken}

    async def give(self, shards: Collection[int]) -> None:
        """Let go of shards."""
        await self._reading.run(GIVE, self._prefix, self.node, *map(str, shards))

    def begin_anew(self) -> str:
        """Be another node from now on; return the id of the old one."""
        old, self.node = self.node, uuid4().hex
        return old

    async def bury(self, node: str) -> None:
        """Let go of all that a node holds, and of the node itself."""
        await self._reading.run(LEAVE, self._prefix, node)

    async def claim(self, kind: str, key: str, until: float, now: float) -> bool:
        """Be the one node that may write a mark, until then."""
        words = self._prefix, self.node, f"{kind}:{key}", _milliseconds(until - now)
        return bool(await self._reading.run(CLAIM, *words))

    async def disclaim(self, kind: str, key: str) -> None:
        """Let another node have what this one has claimed."""
        await self._reading.run(DISCLAIM, self._prefix, self.node, f"{kind}:{key}")

    async def _take_hold(self) -> None:
        """Take every shard, once whoever had them is gone or has been silent long enough."""
        deadline = asyncio.get_running_loop().time() + 1.2 * self.lifetime
        alive = self._alive({})
        while other := await self._reading.run(TAKE_ALL, *alive, str(SHARDS)):
            if asyncio.get_running_loop().time() > deadline:
                name = other.decode(errors="replace")
                raise BackendUnavailable(f"Redis: {self._prefix} is in use by node {name}")
            await asyncio.sleep(self.lifetime / 10)

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(self.lifetime / 3)
            with suppress(BackendUnavailable):  # Whoever commits tells of it.
                await self.look({})

    def _alive(self, about: Mapping[str, object]) -> tuple[Word, ...]:
        return self._prefix, self.node, json.dumps(dict(about)), str(int(1_000 * self.lifetime))

    # ── as Redis has it ─────────────────────────────────────────────────────────────────────

    def _key(self, *parts: object) -> str:
        return self._prefix + ":".join(map(str, parts))

    def _words(self, commit: Commit) -> list[Word]:
        at, stamp = commit.at, _TIME.pack(commit.at)
        words: list[Word] = [self._prefix, self.node, str(commit.number), repr(at)]
        words += ("1" if self._keep == 0 else "0", self._horizon(at))
        shards = {shard_of(each.conversation) for each in commit.entries}
        words += (str(len(shards)), *map(str, shards))
        going, others = [], []
        for place, (id, records, opens, ends) in enumerate(commit.entries):
            if opens or ends:
                age = str(int(at * 1e6) + place)
                what = _WHAT[opens, ends]
                others.append((id, str(shard_of(id)), age, what, stamp + records))
            else:
                going.append((id, stamp + records))
        letters = [_written(each, at, n) for n, each in enumerate(commit.letters)]
        dropped = [(each,) for each in commit.dropped]
        marks = [_mark(each, at) for each in commit.marks]
        for rows in (going, others, letters, dropped, marks):
            words.append(str(len(rows)))
            words += chain.from_iterable(rows)
        return words

    def _horizon(self, now: float) -> str:
        """Return before when to forget, if that is due."""
        if not self._keep or now - self._tidied < _TIDY_EVERY:
            return ""
        self._tidied = now
        return repr(now - self._keep)


def configured(config: BackendConfig, file: Path | None) -> RedisBackend:
    """Make the backend that a configuration describes; ConfigError where its address is none."""
    return RedisBackend(
        config.redis_url,
        config.redis_prefix,
        seconds_kept(config.retention),
        every_disk=config.durability == "required",
    )


def _written(letter: DeadLetter, at: float, place: int) -> tuple[Word, ...]:
    """Write a dead letter: its place among the others, then itself."""
    return letter.id, f"{int(at * 1e6) + place} {as_json(letter)}"


def _mark(mark: Mark, at: float) -> tuple[Word, ...]:
    value = _TIME.pack(mark.until) + mark.value
    return f"{mark.kind}:{mark.key}", value, _milliseconds(mark.until - at)


def _milliseconds(seconds: float) -> str:
    return str(max(1, int(1_000 * seconds)))


def _past(id: str, entries: list[bytes], ended: bytes | None = None) -> PastConversation:
    past = tuple(Past(_time(each), each[_TIME.size :]) for each in entries)
    return PastConversation(id, past[0].at, _number(ended), past)


def _time(entry: bytes) -> float:
    at: float = _TIME.unpack_from(entry)[0] if len(entry) >= _TIME.size else 0.0
    return at


def _read_mark(kind: str, key: str, said: bytes | None, now: float) -> Mark | None:
    """Read a mark, None where there is none or it has expired."""
    if said is None or len(said) < _TIME.size:
        return None
    (until,) = _TIME.unpack_from(said)
    return Mark(kind, key, said[_TIME.size :], until) if until > now else None


def _number(said: Any) -> float | None:
    return float(said) if said is not None else None


def _read_about(said: bytes) -> Mapping[str, object]:
    """Read what a node says of itself; nothing, where that is not to be read."""
    try:
        about = json.loads(said)
    except (ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
