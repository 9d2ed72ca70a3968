"""Threads and conversations as data: their ids, their paths, what is below them."""

from __future__ import annotations

from itertools import islice
from uuid import RFC_4122, UUID

from xml_pipeline.thread import Conversation, Thread, thread_ids


def conversation(number: int = 1) -> Conversation:
    return Conversation(number, f"c{number}", "outside", "")


def below(parent: Thread, caller: str, callee: str) -> Thread:
    child = Thread(f"{parent.id}.{callee}", parent.conversation, parent, caller, callee, 1)
    parent.children = {**(parent.children or {}), child: None}
    return child


def test_thread_ids_are_canonical_random_uuids() -> None:
    ids = list(islice(thread_ids(), 2_000))
    assert len(set(ids)) == 2_000
    for each in ids:
        parsed = UUID(each)
        assert (parsed.version, parsed.variant, str(parsed)) == (4, RFC_4122, each)


def test_each_of_the_122_free_bits_of_an_id_is_sometimes_set_and_sometimes_not() -> None:
    numbers = [UUID(each).int for each in islice(thread_ids(), 2_000)]
    always, never = ~0, 0
    for each in numbers:
        always &= each
        never |= each
    fixed = {bit for bit in range(128) if (always >> bit) & 1 or not (never >> bit) & 1}
    assert fixed == {62, 63, 76, 77, 78, 79}  # variant and version


def test_two_generators_never_give_the_same_id() -> None:
    assert not set(islice(thread_ids(), 500)) & set(islice(thread_ids(), 500))


def test_conversations_are_ordered_by_age() -> None:
    old, young = conversation(1), conversation(2)
    assert old < young
    assert not young < old


def test_a_path_is_a_list_of_names_however_many_dots_are_in_them() -> None:
    root = Thread("r", conversation(), None, "outside", "calculator.add", 1)
    child = below(root, "calculator.add", "system.todo")
    assert root.path == ["outside", "calculator.add"]
    assert child.path == ["outside", "calculator.add", "system.todo"]


def test_a_thread_without_a_callee_has_the_path_of_its_caller() -> None:
    assert Thread("r", conversation(), None, "outside", "", 1).path == ["outside"]


def test_a_subtree_is_told_parents_first() -> None:
    root = Thread("r", conversation(), None, "outside", "a", 1)
    left, right = below(root, "a", "b"), below(root, "a", "c")
    deep = below(left, "b", "d")
    told = list(root.subtree())
    assert set(told) == {root, left, right, deep}
    assert told[0] is root
    assert told.index(left) < told.index(deep)
    assert list(deep.subtree()) == [deep]


def test_a_new_thread_is_open_and_waits_for_the_message_that_opened_it() -> None:
    thread = Thread("r", conversation(), None, "outside", "a", 7)
    assert (thread.open, thread.status, thread.pending, thread.request) == (True, "created", 1, 7)
