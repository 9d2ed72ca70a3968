"""What every postbox does: a letter reaches whoever holds the shard, once, or nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.together import Together, Town
from tests.services.redis_server import RedisServer
from xml_pipeline.backends import Shared
from xml_pipeline.backends.redis import RedisBackend
from xml_pipeline.postbox import HasPostbox, Postbox


@dataclass(frozen=True, slots=True)
class Place:
    """Two nodes, and the postbox of the first; the second holds shards 7 and 8."""

    one: Shared
    other: Shared
    box: Postbox


@pytest.fixture(params=["memory", "redis"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        if request.param == "redis":
            server = stack.enter_context(RedisServer(tmp_path))
            nodes: list[Shared] = [RedisBackend(server.url) for _ in "ab"]
        else:
            town = Town()
            nodes = [Together(town) for _ in "ab"]
        for node in nodes:
            await node.join()
            stack.push_async_callback(node.close)
            await node.look({})
        one, other = nodes
        assert await other.take({7, 8}) == {7, 8}
        assert isinstance(one, HasPostbox)
        box = one.postbox()
        stack.push_async_callback(box.close)
        yield Place(one, other, box)


async def test_letters_reach_whoever_holds_the_shard_in_order_and_once(place: Place) -> None:
    letters = [b"one", b"\x00two\r\n", b"three"]
    for shard, letter in zip((7, 8, 7), letters, strict=True):
        assert await place.box.send(shard, letter)
    received: list[bytes] = []
    while len(received) < len(letters):
        received += await place.box.receive(place.other.node)
    assert received == letters
    assert list(await place.box.receive(place.other.node)) == []


async def test_a_letter_for_a_shard_that_nobody_holds_is_not_sent(place: Place) -> None:
    assert not await place.box.send(9, b"x")


async def test_a_letter_for_the_shard_of_one_who_is_gone_is_not_sent(place: Place) -> None:
    await place.one.bury(place.other.node)
    assert not await place.box.send(7, b"x")


async def test_a_reply_reaches_its_node(place: Place) -> None:
    assert await place.box.reply(place.one.node, b"yes")
    assert list(await place.box.receive(place.one.node)) == [b"yes"]


async def test_a_reply_to_one_who_is_gone_is_not_sent(place: Place) -> None:
    await place.one.bury(place.other.node)
    assert not await place.box.reply(place.other.node, b"x")


async def test_what_was_sent_to_one_who_has_begun_anew_reaches_nobody(place: Place) -> None:
    assert await place.box.send(7, b"x")
    await place.other.bury(place.other.begin_anew())
    assert list(await place.box.receive(place.other.node)) == []
    assert not await place.box.send(7, b"x")
