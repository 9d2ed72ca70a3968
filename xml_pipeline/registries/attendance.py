"""Attendance: whether anybody is there who could be asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Attendance:
    """Counts those who are there to decide."""

    __slots__ = ("_present",)

    def __init__(self) -> None:
        self._present = 0

    def __bool__(self) -> bool:
        return self._present > 0

    @contextmanager
    def attend(self) -> Iterator[None]:
        """Be there while the context is open."""
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1
