"""Waiters: who outside waits for the answer to which message of a conversation.

The rule this file guards: whoever waits is told once, and only what answers their own message.

A message may be answered while the conversation's own listener handles it, and then whoever
asked with it is told. What that listener says later, of its own accord or on hearing from
others, is for all those whose messages it has handled and left unanswered. A message to
another listener has a thread of its own, which answers it and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from xml_pipeline.thread import Conversation, Thread

Waiter = asyncio.Future[Any]
"""A future of the delivery that answers, or of the error that comes instead."""


class Waiters:
    """Those who wait for answers in one conversation, by the number of their message."""

    __slots__ = ("_asked", "_handled", "_last", "_leaving")

    def __init__(self) -> None:
        self._asked: dict[int | str, list[Waiter]] = {}
        self._handled: list[Waiter] = []
        self._last: int | str = 0
        self._leaving: dict[int, list[Waiter]] = {}

    def add(self, message: int, waiter: Waiter) -> None:
        """Let somebody wait for the answer to a message."""
        self._asked.setdefault(message, []).append(waiter)

    def handled(self, message: int | str) -> None:
        """Note that the conversation's own listener has handled a message and goes on."""
        self._handled += self._asked.pop(message, ())
        self._last = message

    def answered(self, message: int | str, reply: int) -> None:
        """Note that a reply to a message is on its way out."""
        waiters = self._asked.pop(message, [])
        if message == self._last:
            waiters, self._handled = waiters + self._handled, []
        if waiters:
            self._leaving[reply] = waiters

    def overtaken(self, waiter: Waiter, last: int | str) -> None:
        """Let somebody wait whose message was handled before the last one that was."""
        self._handled.append(waiter)
        self._last = last

    @property
    def hopeful(self) -> bool:
        """Tell whether somebody's message was handled and is not answered yet."""
        return bool(self._handled)

    @property
    def anybody(self) -> bool:
        """Tell whether somebody still waits for something."""
        return bool(self._asked or self._handled or self._leaving)

    def left(self, reply: int) -> Iterable[Waiter]:
        """Return those whose reply has arrived outside, or was refused on its way."""
        return self._leaving.pop(reply, ())

    def about(self, message: int | str) -> Iterable[Waiter]:
        """Return those who wait for the answer to a message that nobody will answer."""
        return self._asked.pop(message, ())

    def others(self) -> Iterable[Waiter]:
        """Return all whose reply is not on its way."""
        waiters = [*self._handled, *(each for some in self._asked.values() for each in some)]
        self._asked, self._handled = {}, []
        return waiters

    def everybody(self) -> Iterable[Waiter]:
        """Return all who wait."""
        leaving = [each for some in self._leaving.values() for each in some]
        self._leaving = {}
        return [*leaving, *self.others()]


def wait_in(conversation: Conversation) -> Waiter:
    """Return a future of the answer to the message that came in last."""
    return wait_again(conversation, conversation.messages, overtaken=False)


def wait_again(conversation: Conversation, message: int, *, overtaken: bool) -> Waiter:
    """Return a future of the answer to a message, which may have come in long ago.

    It is ``overtaken`` if it was handled, and a later one was handled by the same listener.
    """
    waiters: Waiters | None = conversation.waiters
    if waiters is None:
        waiters = conversation.waiters = Waiters()
    waiter: Waiter = asyncio.get_running_loop().create_future()
    if overtaken and conversation.root is not None:
        waiters.overtaken(waiter, conversation.root.request)
    else:
        waiters.add(message, waiter)
    return waiter


def note_handled(thread: Thread) -> None:
    """Note that a thread's callee has handled its request, which came from outside."""
    waiters = waiting_in(thread.conversation)
    if waiters is not None and thread.parent is None:
        waiters.handled(thread.request)


def note_answered(thread: Thread, reply: int) -> None:
    """Note that a thread's answer is on its way out; it has more to say where others wait."""
    waiters = waiting_in(thread.conversation)
    if waiters is not None:
        waiters.answered(thread.request, reply)
        thread.answered = thread.parent is not None or not waiters.hopeful


def waiting_in(conversation: Conversation) -> Waiters | None:
    """Return those who wait in a conversation, None where nobody ever did."""
    waiters: Waiters | None = conversation.waiters
    return waiters
