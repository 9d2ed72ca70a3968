"""A thread is closed exactly once, and whoever is above it loses one from its count then."""

from __future__ import annotations

import asyncio

import pytest

from xml_pipeline.errors import UnknownThread
from xml_pipeline.events import Event, Events, ThreadEvent
from xml_pipeline.registries.threads import Threads
from xml_pipeline.thread import Thread, ThreadStatus


class Registry:
    """A registry of threads, and all that it told."""

    def __init__(self, heard: bool = False) -> None:
        self.events = Events()
        self.told: list[Event] = []
        if heard:
            self.events.subscribe(self.told.append)
        self.threads = Threads(self.events)
        self.closed: list[Thread] = []
        self.threads.on_close.append(self.closed.append)


def family(registry: Registry) -> tuple[Thread, Thread, Thread]:
    """Return a thread, its child and its grandchild, counted as their messages would be."""
    root = registry.threads.root("outside", "a")
    child = registry.threads.child(root, "a", "b", 1)
    root.pending += 1
    grandchild = registry.threads.child(child, "b", "c", 2)
    child.pending += 1
    return root, child, grandchild


def test_a_root_begins_a_conversation_that_has_its_id() -> None:
    registry = Registry()
    root = registry.threads.root("outside", tenant="acme")
    assert root.id == root.conversation.id
    assert root.conversation.root is root
    assert (root.parent, root.caller, root.conversation.tenant) == (None, "outside", "acme")
    assert registry.threads.conversations == 1


def test_a_child_belongs_to_the_conversation_of_its_parent() -> None:
    root, child, grandchild = family(registry := Registry())
    assert child.conversation is grandchild.conversation is root.conversation
    assert (child.caller, child.callee, child.request) == ("a", "b", 1)
    assert list(root.subtree()) == [root, child, grandchild]
    assert (len(registry.threads), registry.threads.conversations) == (3, 1)


def test_an_open_thread_is_found_by_its_id_and_a_closed_one_is_not() -> None:
    registry = Registry()
    root = registry.threads.root("outside")
    assert registry.threads.get(root.id) is registry.threads.find(root.id) is root
    registry.threads.close(root, "completed")
    assert registry.threads.find(root.id) is None
    for unknown in (root.id, "", "never there"):
        with pytest.raises(UnknownThread, match="no open thread"):
            registry.threads.get(unknown)


def test_closing_a_thread_kills_what_is_below_it_and_leaves_what_is_above() -> None:
    root, child, grandchild = family(registry := Registry())
    registry.threads.close(child, "completed")
    assert (root.open, child.open, grandchild.open) == (True, False, False)
    assert (child.status, grandchild.status) == ("completed", "killed")
    assert (root.pending, not root.children) == (1, True)
    assert list(registry.threads) == [root]
    assert set(registry.closed) == {child, grandchild}


def test_the_last_thread_of_a_conversation_ends_it() -> None:
    root, *_ = family(registry := Registry())
    registry.threads.close(root, "error")
    assert (len(registry.threads), registry.threads.conversations) == (0, 0)
    assert len(registry.closed) == len(set(registry.closed)) == 3


async def test_a_closed_thread_keeps_nothing_alive_and_no_timer_running() -> None:
    registry = Registry()
    loop = asyncio.get_running_loop()
    root = registry.threads.root("outside", "a")
    timers = [loop.call_later(99, print) for _ in range(3)]
    root.owed, root.delayed, root.conversation.timer = timers[0], {1: timers[1]}, timers[2]
    root.state, root.slots = {"n": 1}, [object()]
    registry.threads.close(root, "completed")
    assert all(timer.cancelled() for timer in timers)
    held = ("state", "slots", "queue", "children", "delayed")
    assert [getattr(root, each) for each in held] == [None] * 5


@pytest.mark.parametrize("status", ["completed", "error", "killed"])
async def test_every_change_of_a_thread_is_told_where_somebody_listens(
    status: ThreadStatus,
) -> None:
    registry = Registry(heard=True)
    root = registry.threads.root("outside", "a")
    child = registry.threads.child(root, "a", "b", 1)
    registry.threads.activate(child)
    registry.threads.close(child, status)
    await asyncio.sleep(0)
    told = [each for each in registry.told if isinstance(each, ThreadEvent)]
    assert [(each.callee, each.status) for each in told] == [
        ("a", "created"),
        ("b", "created"),
        ("b", "active"),
        ("b", status),
    ]
    assert {each.conversation_id for each in told} == {root.id}
