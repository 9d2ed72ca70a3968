"""The inbox hands out what is ready; the outer door bounds what waits, and loses nobody."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.errors import Overloaded, ShareExhausted, XmlPipelineError
from xml_pipeline.inbox import Inbox, OuterDoor
from xml_pipeline.message import Wire
from xml_pipeline.thread import Conversation

pytestmark = pytest.mark.virtual_clock


def conversation(number: int = 1) -> Conversation:
    return Conversation(number, f"c{number}", "outside", "")


def wire(home: Conversation, raw: bytes = b"<a/>") -> Wire:
    home.messages += 1
    return Wire(raw, "sealed", "send", "somebody", home, None, home.messages)


async def turns(count: int = 5) -> None:
    """Let every task that can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


class Reader:
    """Takes batches off an inbox, and counts how often the inbox was at rest."""

    def __init__(self, inbox: Inbox) -> None:
        self.batches: list[list[str]] = []
        self.rests = 0
        self._inbox = inbox
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        stream = self._inbox.batches(self._between)
        assert isinstance(stream, AsyncGenerator)
        async for batch in stream:
            self.batches.append([f"{each.conversation.id}.{each.id}" for each in batch])

    def _between(self) -> None:
        self.rests += not len(self._inbox)

    async def finish(self) -> list[list[str]]:
        """Stop the inbox and return all batches but the empty ones."""
        await turns()
        self._inbox.stop()
        await self._task
        return [batch for batch in self.batches if batch]


# ── The inbox ───────────────────────────────────────────────────────────────────────────


async def test_what_is_ready_travels_in_batches_no_larger_than_allowed() -> None:
    inbox, home = Inbox(batch=2), conversation()
    for _ in range(5):
        inbox.put(wire(home))
    assert await Reader(inbox).finish() == [["c1.1", "c1.2"], ["c1.3", "c1.4"], ["c1.5"]]


async def test_a_message_that_comes_alone_travels_alone_at_once() -> None:
    inbox, home = Inbox(batch=32), conversation()
    reader = Reader(inbox)
    await turns()
    inbox.put(wire(home))
    await turns(2)
    assert reader.batches[-1] == ["c1.1"]
    await reader.finish()


async def test_conversations_take_turns_in_a_batch() -> None:
    inbox, flood, lone = Inbox(batch=3), conversation(1), conversation(2)
    for _ in range(4):
        inbox.put(wire(flood))
    inbox.put(wire(lone))
    assert await Reader(inbox).finish() == [["c1.1", "c2.1", "c1.2"], ["c1.3", "c1.4"]]


async def test_a_poke_lets_one_empty_batch_travel() -> None:
    inbox = Inbox(batch=2)
    reader = Reader(inbox)
    await turns()
    before = len(reader.batches)
    inbox.poke()
    inbox.poke()
    await turns()
    assert reader.batches[before:] == [[]]
    await reader.finish()


async def test_an_inbox_at_rest_takes_no_turn_of_the_event_loop() -> None:
    inbox = Inbox(batch=2)
    reader = Reader(inbox)
    await turns()
    rests, batches = reader.rests, len(reader.batches)
    await asyncio.sleep(3600)
    assert (reader.rests, len(reader.batches)) == (rests, batches)
    await reader.finish()


async def test_the_size_is_that_of_the_bytes_which_wait() -> None:
    inbox, home = Inbox(batch=1), conversation()
    inbox.put(wire(home, b"12345"))
    inbox.put(wire(home, b"678"))
    assert (len(inbox), inbox.size) == (2, 8)
    await Reader(inbox).finish()
    assert (len(inbox), inbox.size) == (0, 0)


async def test_a_cleared_inbox_gives_back_what_was_in_it() -> None:
    inbox, one, other = Inbox(batch=2), conversation(1), conversation(2)
    wires = [wire(one), wire(one), wire(other)]
    for each in wires:
        inbox.put(each)
    assert set(inbox.clear()) == set(wires)
    assert (len(inbox), inbox.size) == (0, 0)
    assert await Reader(inbox).finish() == []


async def test_a_stopped_inbox_hands_out_nothing_more() -> None:
    inbox = Inbox(batch=2)
    inbox.stop()
    inbox.put(wire(conversation()))
    assert await Reader(inbox).finish() == []
    assert len(inbox) == 1


# ── The outer door ──────────────────────────────────────────────────────────────────────


class Hall:
    """A door, and behind it a counter of what waits."""

    def __init__(self, messages: int = 1, size: int = 1_000) -> None:
        self.inside = 0
        self.size = 0
        self.shares: Counter[str] = Counter()
        self.order: list[int] = []
        self.door = OuterDoor(self, messages, size)

    def messages(self) -> int:
        return self.inside

    def bytes(self) -> int:
        return self.size

    def parties(self) -> Collection[str]:
        return self.shares.keys()

    def conversations(self, party: str) -> int:
        return self.shares[party]

    def take(self, party: str, conversations: int) -> None:
        self.door.check(party)
        self.inside += conversations
        self.shares[party] += conversations

    async def come(self, name: int = 0, size: int = 1) -> None:
        await self.door.enter()
        self.inside += 1
        self.size += size
        self.order.append(name)

    def leave(self, size: int = 1) -> None:
        self.inside -= 1
        self.size -= size
        self.door.open()


async def test_who_finds_room_walks_in_without_waiting() -> None:
    hall = Hall(messages=2)
    await asyncio.wait_for(hall.come(), timeout=1)
    hall.door.check("ann")
    assert not hall.door.full


async def test_who_does_not_wait_is_refused_at_a_full_door() -> None:
    hall = Hall(messages=1)
    await hall.come()
    with pytest.raises(Overloaded) as caught:
        hall.door.check("ann")
    assert (caught.value.code, caught.value.retry_after > 0) == ("overload", True)


async def test_bytes_fill_the_door_as_messages_do() -> None:
    hall = Hall(messages=10, size=100)
    await hall.come(size=99)
    assert not hall.door.full
    await hall.come(size=1)
    assert hall.door.full


async def test_those_in_line_come_in_one_for_each_that_leaves_in_their_order() -> None:
    hall = Hall(messages=1)
    await hall.come(0)
    waiting = [asyncio.create_task(hall.come(name)) for name in range(1, 5)]
    await turns()
    for done in range(4):
        assert hall.order == list(range(done + 1))
        hall.leave()
        await turns()
    assert hall.order == [0, 1, 2, 3, 4]
    await asyncio.gather(*waiting)


async def test_a_newcomer_does_not_pass_those_in_line() -> None:
    hall = Hall(messages=1)
    await hall.come(0)
    first = asyncio.create_task(hall.come(1))
    await turns()
    hall.inside = 0  # There is room, and the door has not been opened yet.
    second = asyncio.create_task(hall.come(2))
    await turns()
    hall.door.open()
    await turns()
    assert hall.order == [0, 1]
    hall.leave()
    await asyncio.gather(first, second)


async def test_the_place_of_one_who_gave_up_is_given_to_the_next() -> None:
    hall = Hall(messages=1)
    await hall.come(0)
    impatient = asyncio.create_task(hall.come(1))
    patient = asyncio.create_task(hall.come(2))
    await turns()
    impatient.cancel()
    await turns()
    hall.leave()
    await asyncio.wait_for(patient, timeout=1)
    assert hall.order == [0, 2]


async def test_a_place_that_was_granted_and_not_taken_is_given_to_the_next() -> None:
    hall = Hall(messages=1)
    await hall.come(0)
    impatient = asyncio.create_task(hall.come(1))
    patient = asyncio.create_task(hall.come(2))
    await turns()
    hall.leave()
    impatient.cancel()  # In the very turn in which it was let in.
    await asyncio.wait_for(patient, timeout=1)
    assert hall.order == [0, 2]


async def test_one_who_comes_in_with_nothing_keeps_nobody_outside() -> None:
    hall = Hall(messages=1)
    await hall.come(0)
    empty_handed = asyncio.create_task(hall.door.enter())
    next_one = asyncio.create_task(hall.come(1))
    await turns()
    hall.leave()
    await asyncio.wait_for(asyncio.gather(empty_handed, next_one), timeout=1)
    assert hall.order == [0, 1]


async def test_a_line_of_large_messages_does_not_burst_the_limit_of_bytes() -> None:
    hall = Hall(messages=10_000, size=100)
    await hall.come(size=100)
    line = [asyncio.create_task(hall.come(name, size=100)) for name in range(1_000)]
    await turns()
    hall.leave(size=100)
    await turns()
    assert hall.size <= 100 * 32
    for each in line:
        each.cancel()
    await asyncio.gather(*line, return_exceptions=True)


async def test_a_closed_door_dismisses_those_in_line() -> None:
    hall = Hall(messages=1)
    await hall.come(0)
    waiting = asyncio.create_task(hall.come(1))
    await turns()
    hall.door.close(XmlPipelineError("closed"))
    with pytest.raises(XmlPipelineError, match="closed"):
        await asyncio.wait_for(waiting, timeout=1)


async def assert_all_come_and_go(limit: int, stories: list[tuple[int, bool, bool]]) -> None:
    """Let several come, of whom some give up waiting and some come in with nothing."""
    hall = Hall(messages=limit)
    most = 0

    async def visit(delay: int, gives_up: bool, empty_handed: bool) -> None:
        nonlocal most
        await asyncio.sleep(delay)
        try:
            async with asyncio.timeout(0.5 if gives_up else None):
                await (hall.door.enter() if empty_handed else hall.come())
        except TimeoutError:
            return
        most = max(most, hall.inside)
        if not empty_handed:
            await asyncio.sleep(1)
            hall.leave()

    await asyncio.wait_for(asyncio.gather(*(visit(*story) for story in stories)), 10_000)
    assert hall.inside == 0
    assert most <= limit
    await asyncio.wait_for(hall.come(), 1)


@given(
    limit=st.integers(1, 4),
    stories=st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=20),
)
def test_whoever_gives_up_nobody_waits_for_ever_and_the_limit_holds(
    limit: int, stories: list[tuple[int, bool, bool]]
) -> None:
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.run(assert_all_come_and_go(limit, stories))


async def test_whoever_is_alone_may_fill_all_but_the_last_tenth() -> None:
    hall = Hall(messages=10)
    hall.take("ann", 9)
    with pytest.raises(ShareExhausted):
        hall.take("ann", 1)
    hall.take("bob", 1)
    with pytest.raises(Overloaded) as caught:
        hall.take("eve", 1)
    assert not isinstance(caught.value, ShareExhausted)


async def test_where_others_wait_too_nobody_gets_more_than_a_share() -> None:
    hall = Hall(messages=10)
    hall.take("bob", 1)
    hall.take("ann", 5)
    with pytest.raises(ShareExhausted):
        hall.take("ann", 1)
    hall.take("bob", 1)
    hall.take("eve", 1)  # Who has nothing waiting comes in as long as there is room at all.
    assert hall.inside == 8


async def test_shares_matter_only_where_much_is_waiting() -> None:
    hall = Hall(messages=100)
    hall.take("bob", 1)
    hall.take("ann", 40)
    hall.take("ann", 8)
    assert hall.inside == 49
