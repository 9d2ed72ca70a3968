"""Turns: a queue in which nobody waits behind somebody else's flood."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar

from xml_pipeline.thread import Conversation

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Items of many conversations, each conversation's own in order of arrival.

    Those who began the conversations, their *parties*, take turns: whoever begins ten thousand
    delays another's only one by one place. Within a party, breadth-first, its conversations take
    turns likewise. Depth-first, its conversation that began earliest goes first, so that what
    was begun is finished before something new begins.

    A conversation's only item is kept bare; a second one makes it a deque. That halves the
    memory of many waiting conversations, which is the common case. Items are never deques.
    """

    __slots__ = ("_depth_first", "_length", "_parties", "_ring", "_waiting")

    def __init__(self, depth_first: bool = False) -> None:
        self._waiting: dict[Conversation, Any] = {}  # An Item, or a deque of them.
        self._parties: dict[str, Any] = {}  # Their conversations in turn: a heap, or a ring.
        self._ring: deque[str] = deque()
        self._depth_first = depth_first
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def parties(self) -> Collection[str]:
        """Return the parties that have something waiting."""
        return self._parties.keys()

    @property
    def conversations(self) -> Collection[Conversation]:
        """Return the conversations that have something waiting."""
        return self._waiting.keys()

    def waiting(self, party: str) -> int:
        """Return how many conversations of a party have something waiting."""
        return len(self._parties.get(party, ()))

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
        party = self._ring.popleft()
        turns = self._parties[party]
        conversation = heappop(turns) if self._depth_first else turns.popleft()
        self._length -= 1
        waiting = self._waiting.pop(conversation)
        if waiting.__class__ is not deque:
            item: Item = waiting
        else:
            item = waiting.popleft()
            if waiting:
                self._waiting[conversation] = waiting
                if self._depth_first:
                    heappush(turns, conversation)
                else:
                    turns.append(conversation)
        if turns:
            self._ring.append(party)
        else:
            del self._parties[party]
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
        self._length -= len(gone)
        parties, ring = self._parties, self._ring
        self._parties, self._ring = {}, deque()
        for party in ring:
            for conversation in parties[party]:
                if conversation in self._waiting:
                    self._enter(conversation)
        return gone

    def _enter(self, conversation: Conversation) -> None:
        party = conversation.party
        turns = self._parties.get(party)
        if turns is None:
            self._parties[party] = [conversation] if self._depth_first else deque((conversation,))
            self._ring.append(party)
        elif self._depth_first:
            heappush(turns, conversation)
        else:
            turns.append(conversation)
