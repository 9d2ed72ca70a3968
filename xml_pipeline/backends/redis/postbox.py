"""The boxes of the nodes in Redis: one list for each, which goes with its node.

A letter is never sent twice: where its answer is lost nobody can tell whether it has arrived.
"""

from __future__ import annotations

from collections.abc import Sequence

from xml_pipeline.backends.redis.line import PATIENCE, Line
from xml_pipeline.backends.redis.scripts import Script

_WAITS = 1
_AT_ONCE, _MOST = "100", "1000"

SEND = Script("""
local prefix, shard, letter = ARGV[1], ARGV[2], ARGV[3]
local holder = redis.call('hget', prefix .. 'leases', shard)
if not holder or redis.call('exists', prefix .. 'node:' .. holder) == 0 then return 0 end
local box = prefix .. 'box:' .. holder
if redis.call('llen', box) >= tonumber(ARGV[4]) then return 0 end
redis.call('rpush', box, letter)
redis.call('expire', box, 60)
return 1
""")
"""Put a letter into the box of whoever holds a shard; 0 where nobody does, or the box is full."""

REPLY = Script("""
local prefix, node = ARGV[1], ARGV[2]
if redis.call('exists', prefix .. 'node:' .. node) == 0 then return 0 end
redis.call('rpush', prefix .. 'box:' .. node, ARGV[3])
redis.call('expire', prefix .. 'box:' .. node, 60)
return 1
""")
"""Put a letter into the box of a node that lives; 0 where it does not."""


class RedisPostbox:
    """Says things on one line, and listens on another."""

    def __init__(self, url: str, prefix: str) -> None:
        self._prefix = prefix
        self._saying = Line(url)
        self._hearing = Line(url, patience=_WAITS + PATIENCE)

    async def send(self, shard: int, letter: bytes) -> bool:
        """Put a letter into the box of whoever holds a shard."""
        return bool(await self._saying.run(SEND, self._prefix, str(shard), letter, _MOST))

    async def reply(self, node: str, letter: bytes) -> bool:
        """Put a letter into the box of a node."""
        return bool(await self._saying.run(REPLY, self._prefix, node, letter))

    async def receive(self, node: str) -> Sequence[bytes]:
        """Wait for the first letter, and take what others there are."""
        box = f"{self._prefix}box:{node}"
        first, others = await self._hearing.say_all(
            (("BLPOP", box, str(_WAITS)), ("LPOP", box, _AT_ONCE))
        )
        return [*(first or ())[1:], *(others or ())]

    async def close(self) -> None:
        """Hang up."""
        await self._saying.close()
        await self._hearing.close()
