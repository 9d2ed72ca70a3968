"""Turns: a queue in which nobody waits behind somebody else's flood."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Any, Generic, TypeVar

from xml_pipeline.thread import Conversation

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Items of many conversations, each conversation's own in order of arrival.

    Breadth-first, conversations take turns: ten thousand messages of one delay another's
    only message by one place. Depth-first, the conversation that began earliest goes first,
    so that what was begun is finished before something new begins.

    A conversation's only item is kept bare; a second one makes it a deque. That halves the
    memory of many waiting conversations, which is the common case. Items are never deques.
    """

    __slots__ = ("_depth_first", "_enter", "_length", "_next", "_turns", "_waiting")

    def __init__(self, depth_first: bool = False) -> None:
        self._waiting: dict[Conversation, Any] = {}  # An Item, or a deque of them.
        turns: Any = [] if depth_first else deque()  # A heap, or a ring.
        self._turns = turns
        self._enter = partial(heappush, turns) if depth_first else turns.append
        self._next = partial(heappop, turns) if depth_first else turns.popleft
        self._depth_first = depth_first
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, conversation: Conversation, item: Item) -> None:
        """Append an item to its conversation's own line."""
        self._length += 1
        waiting = self._waiting.get(conversation)
        if waiting is None:
            self._waiting[conversation] = item
            self._enter(conversation)
        elif waiting.__class__ is deque:
            waiting.append(item)
        else:
            self._waiting[conversation] = deque((waiting, item))

    def take(self) -> Item:
        """Take the next item of the conversation whose turn it is; IndexError when empty."""
        conversation = self._next()
        self._length -= 1
        waiting = self._waiting.pop(conversation)
        if waiting.__class__ is not deque:
            return waiting  # type: ignore[no-any-return]  # told apart by class
        item: Item = waiting.popleft()
        if waiting:
            self._waiting[conversation] = waiting
            self._enter(conversation)
        return item

    def remove(self, unwanted: Callable[[Item], bool]) -> list[Item]:
        """Take out every item that ``unwanted`` says, leaving the order of the others."""
        gone: list[Item] = []
        for conversation, waiting in list(self._waiting.items()):
            items: deque[Item] = waiting if isinstance(waiting, deque) else deque((waiting,))
            kept = deque(item for item in items if not unwanted(item))
            if len(kept) == len(items):
                continue
            gone.extend(item for item in items if unwanted(item))
            if kept:
                self._waiting[conversation] = kept
            else:
                del self._waiting[conversation]
        turns = [each for each in self._turns if each in self._waiting]
        self._turns.clear()
        self._turns.extend(turns)
        if self._depth_first:
            heapify(self._turns)
        self._length -= len(gone)
        return gone
