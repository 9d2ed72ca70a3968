"""An auditor of journals, who reads their lines with his own eyes and shares no code with the pump.

What the lines mean is written in ``xml_pipeline/journal/lines.py``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Line = tuple[str, list[str], bytes]


def lines(log: bytes) -> Iterator[Line]:
    """Yield the lines of a log: the letter, the fields, and the bytes that follow some."""
    while log:
        head, _, log = log.partition(b"\n")
        letter, *fields = head.decode().split("\t")
        body = b""
        if letter in "mzw":
            length = int(fields[-1])
            body, log = log[:length], log[length + 1 :]
        yield letter, fields, body


@dataclass
class Books:
    """What the lines of one conversation say, and what is wrong with them."""

    conversation: str
    wrong: list[str] = field(default_factory=list)
    parents: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    home: dict[int, str] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    arrived: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    settled: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    attempts: dict[tuple[int, str], int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    left: int = 0

    def audit(self, logs: Iterable[bytes]) -> list[str]:
        """Read everything, and return what is wrong."""
        self.parents[self.conversation] = "-"
        for log in logs:
            for letter, fields, body in lines(log):
                read = getattr(self, f"_{letter}", None)
                if read is not None:
                    read(*fields, body)
        self._close_books()
        return [f"{self.conversation}: {each}" for each in self.wrong]

    def _t(self, thread: str, parent: str, *_: object) -> None:
        if thread in self.parents:
            self.wrong.append(f"thread {thread} opened twice")
        if not self._is_open(parent):
            self.wrong.append(f"thread {thread} opened below one that had closed")
        self.parents[thread] = parent

    def _x(self, thread: str, *_: object) -> None:
        if not self._is_open(thread):
            self.wrong.append(f"thread {thread} closed twice")
        self.closed.add(thread)

    def _m(self, number: str, kind: str, origin: str, sender: str, home: str, *_: object) -> None:
        self.home[int(number)] = home

    def _a(self, number: str, thread: str, *_: object) -> None:
        if int(number) in self.arrived[thread]:
            self.wrong.append(f"message {number} arrived twice on {thread}")
        self.arrived[thread].append(int(number))
        self.gone.add(int(number))

    def _s(self, number: str, thread: str, attempt: str, *_: object) -> None:
        about = int(number), thread
        if not self._is_open(thread) or int(number) in self.settled[thread]:
            self.wrong.append(f"message {number} handed over though it was over")
        if int(attempt) != self.attempts.get(about, 0) + 1:
            self.wrong.append(f"attempt {attempt} of message {number} is miscounted")
        self.attempts[about] = int(attempt)

    def _u(self, number: str, thread: str, *_: object) -> None:
        self.attempts[int(number), thread] -= 1

    def _d(self, number: str, thread: str, *_: object) -> None:
        if not self.attempts.get((int(number), thread)):
            self.wrong.append(f"message {number} settled, and never handed over")
        if int(number) in self.settled[thread]:
            self.wrong.append(f"message {number} settled twice")
        self.settled[thread].append(int(number))

    def _r(self, number: str, *_: object) -> None:
        self.gone.add(int(number))

    def _l(self, number: str, *_: object) -> None:
        if int(number) in self.gone:
            self.wrong.append(f"answer {number} left twice")
        self.gone.add(int(number))
        self.left += 1

    def _z(self, thread: str, length: str, body: bytes) -> None:
        calls = json.loads(body)["calls"]
        if calls != self.calls[thread] + 1:
            self.wrong.append(f"thread {thread} remembers {calls}, after {self.calls[thread]}")
        self.calls[thread] = calls

    def _is_open(self, thread: str) -> bool:
        while thread != "-":
            if thread in self.closed:
                return False
            thread = self.parents[thread]
        return True

    def _close_books(self) -> None:
        self.wrong += [
            f"thread {each} is still open" for each in self.parents if self._is_open(each)
        ]
        for number, home in self.home.items():
            if number not in self.gone and (home == "-" or self._is_open(home)):
                self.wrong.append(f"message {number} vanished")
        for thread, settled in self.settled.items():
            order = iter(self.arrived[thread])
            if not all(number in order for number in settled):
                self.wrong.append(f"thread {thread} was out of order: {settled}")
