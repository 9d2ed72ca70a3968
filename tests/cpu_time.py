"""How long the processor works for a test, whatever else the machine has to do meanwhile."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf


class CpuTime:
    """Seconds of the processor that this thread had for some work, in the best of several rounds.

    Others on the machine make a round longer, as they spoil its caches, and never shorter: so the
    ``least`` of them is what the work takes. Other threads are not counted.
    """

    def __init__(self) -> None:
        self.least = inf

    def rounds(self, within: float, most: int = 3) -> Iterator[int]:
        """Count each turn of a loop over this as a round, until one was done in time."""
        for number in range(most):
            began = time.thread_time()
            yield number
            self.least = min(self.least, time.thread_time() - began)
            if self.least < within:
                break


@contextmanager
def frozen() -> Iterator[None]:
    """Keep the collector from going through what other tests have left: so does `run` at start."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def cpu_time_of(work: Callable[[], object], within: float) -> float:
    """Return the seconds of the processor that some work takes, which should be done in time."""
    spent = CpuTime()
    with frozen():
        for _ in spent.rounds(within):
            work()
    return spent.least
