"""Todos: reminders on the thread of whoever asked, which is the one above this one."""

from __future__ import annotations

from xml_pipeline.errors import Rejected
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.primitives.payloads import TodoClosed, TodoComplete, TodoRegistered, TodoUntil
from xml_pipeline.registries.threads import Threads
from xml_pipeline.registries.todos import Todos
from xml_pipeline.thread import Thread


class RegisterTodo:
    """The handler of ``system.todo``.

    Raises Rejected for somebody outside: a todo nudges a listener, on its thread.
    """

    __slots__ = ("_threads", "_todos")

    def __init__(self, threads: Threads, todos: Todos) -> None:
        self._threads = threads
        self._todos = todos

    async def __call__(self, until: TodoUntil, metadata: HandlerMetadata) -> HandlerResponse:
        """Watch the requester's thread until it ends or the todo is closed."""
        thread = _requester(self._threads, metadata)
        if thread is None:
            raise Rejected("routing", f"{metadata.from_id} has no thread that a todo could be on")
        todo = self._todos.watch(thread, until.wait_for, until.from_listener, until.description)
        return HandlerResponse.respond(
            TodoRegistered(todo.id, until.wait_for, until.from_listener, until.description)
        )


class CloseTodo:
    """The handler of ``system.todo-complete``."""

    __slots__ = ("_threads", "_todos")

    def __init__(self, threads: Threads, todos: Todos) -> None:
        self._threads = threads
        self._todos = todos

    async def __call__(
        self, complete: TodoComplete, metadata: HandlerMetadata
    ) -> HandlerResponse | None:
        """Close a todo of the requester's thread; say nothing to an id that it does not have."""
        thread = _requester(self._threads, metadata)
        todo = self._todos.complete(thread, complete.id) if thread is not None else None
        if todo is None:
            return None
        return HandlerResponse.respond(TodoClosed(todo.id, bool(todo.raised_by)))


def _requester(threads: Threads, metadata: HandlerMetadata) -> Thread | None:
    """Return the thread on which the requester waits, None where it is somebody outside."""
    parent = threads.get(metadata.thread_id).parent
    return parent if parent is not None and parent.callee == metadata.from_id else None
