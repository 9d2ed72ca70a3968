"""Notes: what a listener remembers for whoever asks it, from one of their calls to the next.

The rule this file guards: what was noted for one thread is seen by the listener that noted it,
when it is asked from that thread, and by nobody else; and it ends with that thread.
"""

from __future__ import annotations

from collections.abc import Mapping

from xml_pipeline.errors import InvalidState
from xml_pipeline.journal import Journal
from xml_pipeline.registries.threads import Threads
from xml_pipeline.thread import Thread

Name = tuple[str, str]
"""The listener, and the name that it gave its note."""


class Notes:
    """Texts by their names, by the thread that they were noted for.

    ``most_bytes`` is what may be noted for one thread, names included.
    """

    __slots__ = ("_by_thread", "journal", "most_bytes")

    def __init__(self, threads: Threads, most_bytes: int = 1 << 20) -> None:
        self.journal: Journal | None = None
        self.most_bytes = most_bytes
        self._by_thread: dict[Thread, dict[Name, str]] = {}
        threads.on_close.append(self._forget)

    def __len__(self) -> int:
        return len(self._by_thread)

    def put(self, thread: Thread, name: Name, text: str) -> None:
        """Note a text in place of the one before; an empty one is no note.

        InvalidState where it is too much. What is noted for a thread that has ended is lost.
        """
        if not thread.open:
            return
        noted = dict(self._by_thread.get(thread, {}))
        noted.pop(name, None)
        if text:
            noted[name] = text
        if _size(noted) > self.most_bytes:
            raise InvalidState(f"more than {self.most_bytes} bytes are noted for one thread")
        self._by_thread[thread] = noted
        if not noted:
            del self._by_thread[thread]
        if self.journal is not None:
            self.journal.noted(thread, *name, text)

    def get(self, thread: Thread, name: Name) -> str:
        """Return what was noted, an empty text where nothing was."""
        return self._by_thread.get(thread, {}).get(name, "")

    def restore(self, thread: Thread, told: Mapping[Name, str]) -> None:
        """Take in notes as they were written down."""
        if told:
            self._by_thread[thread] = dict(told)

    def _forget(self, thread: Thread) -> None:
        self._by_thread.pop(thread, None)


class Page:
    """The notes of one listener for one thread."""

    __slots__ = ("_listener", "_notes", "_thread")

    def __init__(self, notes: Notes, thread: Thread, listener: str) -> None:
        self._notes = notes
        self._thread = thread
        self._listener = listener

    def get(self, name: str) -> str:
        """Return what was noted, an empty text where nothing was."""
        return self._notes.get(self._thread, (self._listener, name))

    def put(self, name: str, text: str) -> None:
        """Note a text in place of the one before; an empty one is no note."""
        self._notes.put(self._thread, (self._listener, name), text)


def _size(noted: Mapping[Name, str]) -> int:
    texts = (part for (_, name), text in noted.items() for part in (name, text))
    return sum(len(each.encode("utf-8", "surrogatepass")) for each in texts)
