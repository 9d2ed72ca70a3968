"""Todos: what a listener waits for on its thread, and the nudge when it seems to have come."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.payloads import Note, Result, Task
from xml_pipeline.listener import HandlerMetadata, Listener
from xml_pipeline.message import Addressed, Delivery, Envelope, Wire
from xml_pipeline.registries.todos import Todos
from xml_pipeline.thread import Conversation, Thread


async def nothing(payload: Any, metadata: HandlerMetadata) -> None: ...


def thread(parent: Thread | None = None, callee: str = "a") -> Thread:
    home = parent.conversation if parent else Conversation(1, "c1", "outside", "")
    return Thread(f"t-{callee}", home, parent, "outside", callee, 1)


def delivery(on: Thread, payload: Any, sender: str = "worker") -> Delivery:
    listener = Listener("a", (Task, Result, Note), nothing, description="A.")
    wire = Wire(b"", "sealed", "reply", sender, on.conversation, on, 1)
    envelope = Envelope(wire, "a", on.id, "x", Any, ())  # type: ignore[arg-type]  # unread
    return Delivery(Addressed(envelope, listener, on, None), payload)


@pytest.mark.parametrize("wait_for", ["Result", "result", "esul", ""])
def test_a_todo_is_raised_by_a_payload_whose_name_contains_it_in_any_case(wait_for: str) -> None:
    todos, mine = Todos(), thread()
    todo = todos.watch(mine, wait_for, "", "wait for the report")
    assert mine.conversation.watched
    assert todos.nudge(mine) == ""
    todos.notice(delivery(mine, Result("x")))
    nudge = todos.nudge(mine)
    assert "wait for the report" in nudge
    assert "Result from worker" in nudge
    assert f"<TodoComplete><id>{todo.id}</id></TodoComplete>" in nudge


def test_a_todo_is_not_raised_by_another_payload_or_another_sender() -> None:
    todos, mine = Todos(), thread()
    todos.watch(mine, "result", "worker", "x")
    todos.notice(delivery(mine, Note("result")))
    todos.notice(delivery(mine, Result("x"), sender="stranger"))
    assert todos.nudge(mine) == ""
    todos.notice(delivery(mine, Result("x"), sender="worker"))
    assert todos.nudge(mine) != ""


def test_a_todo_keeps_what_raised_it_first() -> None:
    todos, mine = Todos(), thread()
    todos.watch(mine, "", "", "anything")
    todos.notice(delivery(mine, Result("x"), sender="first"))
    todos.notice(delivery(mine, Note("x"), sender="second"))
    assert "Result from first" in todos.nudge(mine)
    assert "second" not in todos.nudge(mine)


def test_a_todo_is_raised_by_what_happens_below_its_thread_and_not_beside_it() -> None:
    todos, mine = Todos(), thread()
    below = thread(thread(mine, "b"), "c")
    todos.watch(mine, "result", "", "x")
    todos.notice(delivery(thread(callee="other"), Result("x")))
    assert todos.nudge(mine) == ""
    todos.notice(delivery(below, Result("x")))
    assert todos.nudge(mine) != ""
    assert todos.nudge(below) == ""


def test_a_todo_is_completed_once_and_only_on_its_own_thread() -> None:
    todos, mine, other = Todos(), thread(), thread()
    todo = todos.watch(mine, "result", "", "x")
    assert todos.complete(other, todo.id) is None
    assert todos.complete(mine, "0000") is None
    assert todos.complete(mine, todo.id) is todo
    assert todos.complete(mine, todo.id) is None
    assert len(todos) == 0


def test_todos_end_with_their_thread() -> None:
    todos, mine, other = Todos(), thread(), thread()
    for on in (mine, mine, other):
        todos.watch(on, "result", "", "x")
    assert len(todos) == 3
    todos.forget(mine)
    todos.forget(mine)
    assert len(todos) == 1


def test_the_ids_of_todos_are_their_own() -> None:
    todos, mine = Todos(), thread()
    assert len({todos.watch(mine, "", "", "").id for _ in range(9)}) == 9
