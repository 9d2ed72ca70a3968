"""Todos: what a listener waits for on its thread, and the nudge when it seems to have come."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from xml_pipeline.message import Delivery
from xml_pipeline.thread import Thread


@dataclass(slots=True)
class Todo:
    """One thing waited for; ``raised_by`` names the message that seemed to bring it."""

    id: str
    thread: Thread
    wait_for: str
    from_listener: str
    description: str
    raised_by: str = ""


class Todos:
    """The open todos, by the thread of the listener that waits.

    A todo is raised by the first message below its thread, or on it, whose payload class
    name contains ``wait_for`` in any case and, where given, that ``from_listener`` sent. It
    is only a reminder: messages always flow on. Todos end with their thread.
    """

    __slots__ = ("_by_thread",)

    def __init__(self) -> None:
        self._by_thread: dict[Thread, list[Todo]] = {}

    def __len__(self) -> int:
        return sum(len(todos) for todos in self._by_thread.values())

    def watch(self, thread: Thread, wait_for: str, from_listener: str, description: str) -> Todo:
        """Register what a thread's callee waits for."""
        todo = Todo(secrets.token_hex(4), thread, wait_for.lower(), from_listener, description)
        self._by_thread.setdefault(thread, []).append(todo)
        thread.conversation.watched = True
        return todo

    def complete(self, thread: Thread, todo_id: str) -> Todo | None:
        """Close one todo of that thread and return it, None where it has no such todo."""
        todos = self._by_thread.get(thread, [])
        for todo in todos:
            if todo.id == todo_id:
                todos.remove(todo)
                return todo
        return None

    def notice(self, delivery: Delivery) -> None:
        """Raise the todos that this delivery seems to satisfy; called where any may be open."""
        name = type(delivery.payload).__name__
        thread: Thread | None = delivery.thread
        while thread is not None:
            for todo in self._by_thread.get(thread, ()):
                if (
                    not todo.raised_by
                    and todo.wait_for in name.lower()
                    and todo.from_listener in ("", delivery.sender)
                ):
                    todo.raised_by = f"{name} from {delivery.sender}"
            thread = thread.parent

    def nudge(self, thread: Thread) -> str:
        """Return a reminder of the raised todos of a thread, with the words that close each."""
        return "\n".join(
            f"Todo {todo.id} seems done ({todo.raised_by}): {todo.description}\n"
            f"Close it with <TodoComplete><id>{todo.id}</id></TodoComplete> "
            "to system.todo-complete."
            for todo in self._by_thread.get(thread, ())
            if todo.raised_by
        )

    def forget(self, thread: Thread) -> None:
        """Drop the todos of a thread that has closed."""
        self._by_thread.pop(thread, None)
