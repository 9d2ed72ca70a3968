"""What a flow is: steps, ways between them, and the conditions under which a way is taken.

The rule this file guards: without its ways back a flow has no circle, so it comes to an end;
and each way back is taken a limited number of times, so it comes to an end with them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from xml_pipeline.payload.regex.automaton import Automaton

Join = Literal["all", "some", "any"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What an answer has to be, all of it; or, unless ``wanted``, what it must not be."""

    contains: str | None = None
    matches: Automaton | None = None
    function: Callable[[Any], object] | None = None
    wanted: bool = True

    def holds(self, payload: object, text: str) -> bool:
        """Tell whether an answer is so; ``text`` is what it says in words, or else its XML."""
        says = (
            (self.contains is None or self.contains in text)
            and (self.matches is None or self.matches.matches(text))
            and (self.function is None or bool(self.function(payload)))
        )
        return says is self.wanted


@dataclass(frozen=True, slots=True)
class Way:
    """From one step to another; ``at_most`` is 0 for a way forward.

    ``at`` is where it stands in the file, as seen from the listener.
    """

    source: str
    target: str
    conditions: tuple[Condition, ...] = ()
    at_most: int = 0
    at: tuple[str | int, ...] = ()

    def is_open(self, payload: object, text: str) -> bool:
        """Tell whether it may be taken with this answer of its source."""
        return all(each.holds(payload, text) for each in self.conditions)


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody to ask; ``join`` says when, if several ways lead there.

    ``all``: when all are taken, with what comes on them. ``some``: when all are decided, with
    what comes on those that are taken. ``any``: with what comes first.
    """

    name: str
    listener: str
    join: Join = "all"
    at: tuple[str | int, ...] = ()


class Circle(ValueError):
    """Steps wait for each other; ``steps`` are their names."""

    def __init__(self, steps: Iterable[str]) -> None:
        self.steps = tuple(steps)
        super().__init__(", ".join(self.steps))


@dataclass(frozen=True)
class Flow:
    """Steps, in an order in which none comes before those it waits for, and their ways.

    With ``sections`` the answer has a section for each end, even if there is only one. Ways
    are known by their index. Raises Circle where there is no such order.
    """

    steps: tuple[Step, ...]
    ways: tuple[Way, ...] = ()
    sections: bool = False
    into: Mapping[str, tuple[int, ...]] = field(init=False, repr=False)
    out: Mapping[str, tuple[int, ...]] = field(init=False, repr=False)
    back: Mapping[str, tuple[int, ...]] = field(init=False, repr=False)
    by_name: Mapping[str, Step] = field(init=False, repr=False)
    shape: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = [each.name for each in self.steps]
        ways = tuple(enumerate(self.ways))

        def by(end: Callable[[Way], str], *, forward: bool) -> Mapping[str, tuple[int, ...]]:
            return MappingProxyType(
                {
                    name: tuple(i for i, w in ways if end(w) == name and (not w.at_most) is forward)
                    for name in names
                }
            )

        found = {
            "into": by(lambda way: way.target, forward=True),
            "out": by(lambda way: way.source, forward=True),
            "back": by(lambda way: way.source, forward=False),
            "by_name": MappingProxyType({each.name: each for each in self.steps}),
        }
        for key, value in found.items():
            object.__setattr__(self, key, value)
        object.__setattr__(self, "steps", tuple(self._sorted()))
        object.__setattr__(self, "shape", self._shape())

    def below(self, step: str) -> frozenset[str]:
        """Return a step and all that may come after it, without going back."""
        found, waiting = {step}, [step]
        while waiting:
            for index in self.out[waiting.pop()]:
                if (target := self.ways[index].target) not in found:
                    found.add(target)
                    waiting.append(target)
        return frozenset(found)

    @property
    def entries(self) -> tuple[str, ...]:
        """Return the steps that wait for none."""
        return tuple(each.name for each in self.steps if not self.into[each.name])

    def _sorted(self) -> Iterator[Step]:
        left = dict(self.by_name)
        while left:
            free = [
                step
                for step in left.values()
                if not any(self.ways[i].source in left for i in self.into[step.name])
            ]
            if not free:
                raise Circle(left)
            for step in free:
                yield left.pop(step.name)

    def _shape(self) -> str:
        """Return what tells this flow from one with other steps or ways, in a few letters."""
        steps = [(each.name, each.listener, each.join) for each in self.steps]
        ways = [(each.source, each.target, each.at_most) for each in self.ways]
        return hashlib.sha256(repr((steps, ways, self.sections)).encode()).hexdigest()[:16]
