"""What a row of the table of faults is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tests.virtual_clock import VirtualClockLoop

SEED = 20261127

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a fault: what was done, what was found, and whether that is as promised.

    ``holds`` tells of what must never happen: nothing lost, doubled or left over. ``reached``
    tells of figures that depend on the machine, too: times, and rates.
    """

    done: str
    found: str
    holds: bool
    reached: bool = True

    @property
    def verdict(self) -> str:
        """Say it in a word or two."""
        if not self.holds:
            return "BROKEN"
        return "holds" if self.reached else "misses its figure"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, by its number in the list of what must hold, and a way to bring it about.

    ``asked`` is what must come of it; ``bring_about`` takes a scale, 1 is full size.
    """

    id: str
    about: str
    asked: str
    bring_about: Callable[[float], Outcome]


def some(number: float) -> int:
    """Return a scaled number: one at least."""
    return max(1, round(number))


def virtually(life: Coroutine[object, object, T]) -> T:
    """Run something on a clock that jumps from timer to timer."""
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        return runner.run(life)


def percentile(times: Sequence[float], percent: int) -> float:
    """Return the time that so many per cent of them do not exceed; 0 where there are none."""
    ordered = sorted(times)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)] if ordered else 0.0


def first(wrong: Sequence[object]) -> str:
    """Name the first of what is wrong, if anything is."""
    return f", first {wrong[0]}" if wrong else ""
