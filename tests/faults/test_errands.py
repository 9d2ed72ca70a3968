"""What is said about a conversation to any node is done by the one that holds it, once."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.test_taken_over import until
from tests.faults.together import Boxes, Town
from tests.faults.two_nodes import BYE, living_in, two_nodes
from tests.server.house import Greeted, Greeting, envelope
from xml_pipeline.backends.base import SHARDS
from xml_pipeline.errors import UnknownThread
from xml_pipeline.journal.writing import PATIENCE

pytestmark = pytest.mark.virtual_clock


async def test_a_message_to_a_conversation_of_another_node_is_taken_in_there() -> None:
    async with two_nodes() as (one, other):
        thread = await one.begin()
        told = await other.leave(thread)
        await one.organism.drain()
        assert told.status_code == 202
        assert told.json()["thread"] == thread
        assert one.host.heard == [f"Greeting {thread}.1", f"Farewell {told.json()['id']}"]
        assert other.host.heard == []


async def test_whoever_waits_at_another_node_gets_the_answer() -> None:
    async with two_nodes() as (one, other):
        thread = await one.begin()
        told = await other.leave(thread, wait=30.0)
        assert told.status_code == 200
        assert told.json()["payload"] == {"text": "Goodbye, Ada!"}
        assert told.json()["thread"] == thread


async def test_a_message_that_is_repeated_at_either_node_is_taken_in_once() -> None:
    async with two_nodes() as (one, other):
        thread = await one.begin()
        told = [await each.leave(thread, key="k") for each in (other, one, other)]
        answers = [await each.leave(thread, wait=30.0, key="k") for each in (other, one)]
        assert [each.status_code for each in told] == [202] * 3
        assert len({each.json()["id"] for each in told}) == 1
        assert [each.json()["payload"] for each in answers] == [{"text": "Goodbye, Ada!"}] * 2
        assert len(one.host.heard) == 2


async def test_two_that_are_repeated_at_the_same_time_are_taken_in_once() -> None:
    async with two_nodes() as (one, other):
        thread = await one.begin()
        one.store.goes_on.clear()
        both = [asyncio.create_task(other.leave(thread, key="k")) for _ in "ab"]
        await asyncio.sleep(0.5)
        one.store.goes_on.set()
        told = [await each for each in both]
        await one.organism.drain()
        assert len({each.json()["id"] for each in told}) == 1
        assert len(one.host.heard) == 2


async def test_of_what_its_node_does_not_answer_for_nothing_is_known_and_soon_said_so() -> None:
    async with two_nodes() as (one, other):
        thread = await one.begin()
        one.store.goes_on.clear()
        began = asyncio.get_running_loop().time()
        doubtful = await other.leave(thread, key="k")
        assert asyncio.get_running_loop().time() - began <= PATIENCE + 1.0
        one.store.goes_on.set()
        await one.organism.kernel.journal.written()
        again = await other.leave(thread, key="k")
        await one.organism.drain()
        assert (doubtful.status_code, again.status_code) == (503, 202)
        assert "not known" in doubtful.json()["detail"]
        assert len(one.host.heard) == 2


async def test_whoever_repeats_after_its_node_has_gone_is_heard_by_the_next_one() -> None:
    town = Town()
    async with living_in(town) as other:
        async with living_in(town) as one:
            await until(lambda: [*town.holders.values()].count(one.store.node) == SHARDS // 2)
            thread = await one.begin()
            one.store.goes_on.clear()
            doubtful = asyncio.create_task(other.leave(thread, key="k"))
            await asyncio.sleep(1.0)
            town.leave(one.store.node)  # As if it had died: nobody hears of it.
            one.store.goes_on.set()
            assert (await doubtful).status_code == 503
        await until(lambda: set(town.holders.values()) == {other.store.node})
        assert (await other.leave(thread, key="k")).status_code == 202
        await other.organism.drain()
        assert [each.partition(" ")[0] for each in other.host.heard] == ["Farewell"]


async def test_a_thread_of_another_node_is_killed() -> None:
    async with two_nodes() as (one, other):
        thread = await one.begin()
        told = [await other.http.delete(f"/v1/threads/{thread}") for _ in "ab"]
        assert [each.status_code for each in told] == [204, 404]
        assert one.organism.kernel.threads.find(thread) is None
        past = await one.store.conversation(thread)
        assert past is not None
        assert past.ended is not None


async def test_an_answer_that_is_owed_at_another_node_is_given_once() -> None:
    async with two_nodes() as (one, other):
        thread = await one.begin()
        await other.organism.answer(thread, Greeted("At last."))
        with pytest.raises(UnknownThread):
            await other.organism.answer(thread, Greeted("Again."))
        await one.organism.drain()
        past = await other.http.get(f"/v1/threads/{thread}/messages")
        assert "At last." in past.text
        assert "Again." not in past.text


async def test_what_is_here_is_done_here() -> None:
    async with two_nodes() as (one, _):
        first, second = await one.begin(), await one.begin()
        await one.organism.answer(first, Greeted("Now."))
        await one.organism.kill(second)
        assert len(one.organism.kernel.threads) == 0


async def test_whoever_does_not_wait_for_an_errand_has_it_done_all_the_same() -> None:
    async with two_nodes() as (one, other):
        killed, answered = await one.begin(), await one.begin()
        other.organism.kill(killed)
        other.organism.answer(answered, Greeted("Soon."))
        await until(lambda: len(one.organism.kernel.threads) == 0)
        assert len(one.host.heard) == 2


async def test_what_is_wrong_with_an_errand_that_nobody_waits_for_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with two_nodes() as (one, other):
        thread = await one.begin()
        await one.organism.kill(thread)
        other.organism.kill(thread)
        await until(lambda: "an errand has failed" in caplog.text)
        assert f"no open thread {thread!r}" in caplog.text


async def test_an_envelope_that_python_injects_goes_where_its_thread_is() -> None:
    async with two_nodes() as (one, other):
        thread = await one.organism.send("host", Greeting("Ada"))
        await one.organism.drain()
        assert await other.organism.inject(envelope(BYE, "host", thread)) == thread
        await one.organism.drain()
        assert [each.partition(" ")[0] for each in one.host.heard] == ["Greeting", "Farewell"]


async def test_a_thread_that_is_nowhere_is_not_known_anywhere() -> None:
    async with two_nodes() as (one, other):
        for ending in ("00", "01", "3e", "3f"):
            nowhere = f"12345678-1234-4234-8234-1234567890{ending}"
            for node in (one, other):
                with pytest.raises(UnknownThread):
                    await node.organism.kill(nowhere)


async def test_an_errand_for_one_who_hangs_is_done_by_whoever_takes_its_place() -> None:
    async with two_nodes() as (one, other):
        thread = await one.begin()
        one.store.sees.clear()
        one.store.looks.clear()
        await one.store.looks.wait()
        one.store.town.living.pop(one.store.node)
        await other.organism.kill(thread)
        past = await other.store.conversation(thread)
        assert past is not None
        assert past.ended is not None
        assert other.organism.errands.is_elsewhere(thread) is False
        one.store.sees.set()


@pytest.mark.parametrize(
    "letter", [b"", b"[]", b"{", b'{"number": "1", "from": "x", "errand": {"kind": 1}}', b"\xff"]
)
async def test_a_letter_that_is_none_is_let_be(letter: bytes) -> None:
    async with two_nodes() as (one, other):
        thread = await one.begin()
        await Boxes(one.store.town).reply(one.store.node, letter)
        assert (await other.leave(thread)).status_code == 202
