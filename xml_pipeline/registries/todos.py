"""Todos: what a listener waits for on its thread, and the nudge when it seems to have come."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xml_pipeline.journal import Journal
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

    @property
    def told(self) -> tuple[str, ...]:
        """Return what is written down of it."""
        return self.id, self.wait_for, self.from_listener, self.description, self.raised_by


class Todos:
    """The open todos, by the thread of the listener that waits.

    A todo is raised by the first message below its thread, or on it, whose payload class
    name contains ``wait_for`` in any case and, where given, that ``from_listener`` sent. It
    is only a reminder: messages always flow on. Todos end with their thread.
    """

    __slots__ = ("_by_thread", "journal")

    def __init__(self) -> None:
        self.journal: Journal | None = None
        self._by_thread: dict[Thread, list[Todo]] = {}

    def __len__(self) -> int:
        return sum(len(todos) for todos in self._by_thread.values())

    def watch(self, thread: Thread, wait_for: str, from_listener: str, description: str) -> Todo:
        """Register what a thread's callee waits for."""
        todo = Todo(secrets.token_hex(4), thread, wait_for.lower(), from_listener, description)
        self._add(todo)
        self._note(thread)
        return todo

    def restore(self, thread: Thread, told: Iterable[Sequence[str]]) -> None:
        """Take in the todos of a thread as they were written down."""
        for id, wait_for, from_listener, description, raised_by in told:
            self._add(Todo(id, thread, wait_for, from_listener, description, raised_by))

    def _add(self, todo: Todo) -> None:
        self._by_thread.setdefault(todo.thread, []).append(todo)
        todo.thread.conversation.watched = True

    def _note(self, thread: Thread) -> None:
        if self.journal is not None:
            todos = self._by_thread.get(thread, ())
            self.journal.waits_for(thread, [each.told for each in todos])

    def complete(self, thread: Thread, todo_id: str) -> Todo | None:
        """Close one todo of that thread and return it, None where it has no such todo."""
        todos = self._by_thread.get(thread, [])
        for todo in todos:
            if todo.id == todo_id:
                todos.remove(todo)
                self._note(thread)
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
                    self._note(thread)
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
