"""Blackboards: what those who work at one task write down for each other to read.

The rule this file guards: a blackboard is seen from its own thread and from below it only, and
it ends with that thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from xml_pipeline.errors import Rejected
from xml_pipeline.journal import Journal
from xml_pipeline.payload.raw import JsonValue
from xml_pipeline.registries.threads import Threads
from xml_pipeline.thread import Thread


class Blackboards:
    """JSON values by their keys, by the thread that they belong to.

    They are kept as JSON text, so nobody can change what somebody else has read. ``most_bytes``
    is what one blackboard may hold, keys included.
    """

    __slots__ = ("_by_thread", "journal", "most_bytes")

    def __init__(self, threads: Threads, most_bytes: int = 1 << 20) -> None:
        self.journal: Journal | None = None
        self.most_bytes = most_bytes
        self._by_thread: dict[Thread, dict[str, str]] = {}
        threads.on_close.append(self._forget)

    def __len__(self) -> int:
        return len(self._by_thread)

    def write(self, thread: Thread, key: str, value: JsonValue) -> None:
        """Put a value under a key, in place of what is there; Rejected where it is too much."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        board = self._by_thread.get(thread, {})
        others = sum(_size(*each) for each in board.items() if each[0] != key)
        if others + _size(key, text) > self.most_bytes:
            raise Rejected("validation", f"the blackboard holds at most {self.most_bytes} bytes")
        self._by_thread.setdefault(thread, board)[key] = text
        if self.journal is not None:
            self.journal.writes(thread, key, text)

    def read(self, thread: Thread, key: str) -> JsonValue:
        """Return what is under a key; KeyError where nothing is."""
        value: JsonValue = json.loads(self._by_thread.get(thread, {})[key])
        return value

    def keys(self, thread: Thread) -> list[str]:
        """Return the keys there are, sorted."""
        return sorted(self._by_thread.get(thread, ()))

    def clear(self, thread: Thread) -> None:
        """Wipe a blackboard clean."""
        if self._by_thread.pop(thread, None) and self.journal is not None:
            self.journal.wipes(thread)

    def restore(self, thread: Thread, told: Mapping[str, str]) -> None:
        """Take in a blackboard as it was written down."""
        if told:
            self._by_thread[thread] = dict(told)

    def _forget(self, thread: Thread) -> None:
        self._by_thread.pop(thread, None)


def _size(key: str, text: str) -> int:
    return len(key.encode("utf-8", "surrogatepass")) + len(text.encode("utf-8", "surrogatepass"))
