"""The ring of events: what is kept, who reads from where, and who is cut off."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.house import Greeting
from xml_pipeline.events import AgentState, Event, MessageSent
from xml_pipeline.server.feed import Feed, Filter, Reader

ALL = Filter()
MIB = 1 << 20


def sent(size: int = 0) -> Event:
    return MessageSent("t", "t", "t.1", "a", "b", "Greeting", Greeting("x"), (), size)


def numbers(reader: Reader) -> list[int]:
    return [entry.number for entry in reader.take()]


def test_a_reader_sees_what_comes_after_it() -> None:
    feed = Feed(10, MIB)
    feed.add(sent())
    reader = feed.read(ALL)
    assert (numbers(reader), reader.behind) == ([], False)
    feed.add(sent())
    assert reader.behind
    assert (numbers(reader), numbers(reader)) == ([2], [])


def test_bytes_push_out_the_oldest_events() -> None:
    feed = Feed(10, 100)
    reader = feed.read(ALL)
    for size in (60, 30, 30):
        feed.add(sent(size))
    assert (numbers(reader), reader.missed) == ([2, 3], True)


def test_an_event_larger_than_the_ring_is_not_kept() -> None:
    feed = Feed(10, 100)
    reader = feed.read(ALL)
    feed.add(sent(101))
    assert numbers(reader) == []
    feed.add(sent(10))
    assert (numbers(reader), reader.missed) == ([2], True)


def test_a_reader_is_given_a_few_hundred_events_at_a_time() -> None:
    feed = Feed(1_000, MIB)
    reader = feed.read(ALL)
    for _ in range(450):
        feed.add(sent())
    assert [len(reader.take()) for _ in range(4)] == [200, 200, 50, 0]


def test_a_reader_whose_place_has_left_the_ring_is_cut_off_once() -> None:
    cuts: list[str] = []
    feed = Feed(50, MIB)
    feed.read(ALL, cut=lambda: cuts.append("slow"))
    quick = feed.read(ALL, cut=lambda: cuts.append("quick"))
    for _ in range(300):
        feed.add(sent())
        quick.take()
    assert cuts == ["slow"]
    assert len(feed) == 1
    feed.leave(quick)
    feed.leave(quick)
    assert len(feed) == 0


def test_a_filter_that_lets_nothing_through_keeps_its_reader_in_place() -> None:
    feed = Feed(50, MIB)
    reader = feed.read(Filter(listener="nobody"), cut=lambda: pytest.fail("cut off"))
    for _ in range(300):
        feed.add(sent())
        assert numbers(reader) == []
    assert not reader.missed


def test_a_filter_knows_listeners_by_whatever_part_they_take() -> None:
    assert Filter(listener="b").wants(sent())
    assert Filter(listener="b").wants(AgentState("b", "idle", "t"))
    assert not Filter(listener="c").wants(sent())
    assert Filter(thread="t").wants(sent())
    assert not Filter(thread="u").wants(AgentState("b", "idle", "t"))
    assert not Filter(types=frozenset({"FaultEvent"})).wants(sent())


@given(st.integers(1, 20), st.integers(0, 60), st.data())
def test_whoever_comes_back_gets_all_that_is_there_after_what_it_saw(
    size: int, count: int, data: st.DataObject
) -> None:
    feed = Feed(size, MIB)
    watcher = feed.read(ALL)
    ids = []
    for _ in range(count):
        feed.add(sent())
        ids += [feed.id_of(entry) for entry in watcher.take()]
    seen = data.draw(st.integers(1, count)) if count else 0
    reader = feed.read(ALL, ids[seen - 1] if seen else f"{'x'}-1")
    there = range(max(seen + 1 if seen else 1, feed.first), count + 1)
    assert numbers(reader) == list(there)
    assert reader.missed == (not seen or seen < feed.first - 1)


@pytest.mark.parametrize("number", ["0", "-1", "1.0", "٣", "9" * 30, "4", ""])
def test_an_id_that_was_never_given_is_not_believed(number: str) -> None:
    feed = Feed(10, MIB)
    reader = feed.read(ALL)
    for _ in range(3):
        feed.add(sent())
    run = feed.id_of(reader.take()[0]).partition("-")[0]
    again = feed.read(ALL, f"{run}-{number}")
    assert (numbers(again), again.missed) == ([1, 2, 3], number != "0")


async def test_all_who_wait_hear_of_the_next_event() -> None:
    feed = Feed(10, MIB)
    first, second = feed.news(), feed.news()
    feed.add(sent())
    feed.add(sent())
    done, _ = await asyncio.wait({first, second})
    assert done == {first}
    assert first is second
    assert feed.news() is not first
