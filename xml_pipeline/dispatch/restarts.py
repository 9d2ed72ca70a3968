"""How often workers may be started anew: a budget, so that none dies and rises for ever."""

from __future__ import annotations

from collections.abc import Callable

AT_ONCE = 100
"""Deaths that are made good at once."""

A_SECOND = 20.0
"""Deaths a second that are made good for ever: forks, and imports of what a worker works with."""

LONGEST_PAUSE = 30.0
"""Seconds between two attempts to start a worker that never gets ready."""


class Restarts:
    """Counts the deaths of workers, and says how long to wait before the next is started.

    A bucket of ``at_once`` restarts that fills by ``a_second``. Workers that die before they
    were ready are waited for twice as long each time.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        at_once: float = AT_ONCE,
        a_second: float = A_SECOND,
    ) -> None:
        self.stillborn = 0
        self._clock = clock
        self._at_once = self._left = at_once
        self._a_second = a_second
        self._at = clock()

    def started(self) -> None:
        """Note that a worker got ready."""
        self.stillborn = 0

    def died(self, *, ready: bool) -> float:
        """Note a death; return the seconds to wait before the next start."""
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._at) * self._a_second) - 1
        self._at = now
        pause = max(0.0, -self._left / self._a_second)
        if not ready:
            self.stillborn += 1
            pause = max(pause, 0.1 * 2.0**self.stillborn)
        return min(pause, LONGEST_PAUSE)
