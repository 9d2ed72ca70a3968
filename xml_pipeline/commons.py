"""What the built-in listeners of one organism have in common: made once, closed with it.

Connections to language models are an example: every agent uses the same, and a reload that
leaves their settings as they are leaves them as they are. What a reload makes no use of any more is
closed, where whoever still uses it comes to no harm by that.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar, runtime_checkable


class Closing(Protocol):
    """Something that has to be closed."""

    async def aclose(self) -> None: ...


@runtime_checkable
class Retiring(Closing, Protocol):
    """Something that can be closed at any time: who still uses it is served all the same."""

    async def retire(self) -> None:
        """Keep nothing open but what is in use, and that no longer than it is."""


Thing = TypeVar("Thing", bound=Closing)
Replaced = TypeVar("Replaced", bound=Retiring)


class Commons:
    """Things by what they were made from."""

    def __init__(self) -> None:
        self._things: dict[Hashable, Any] = {}
        self._wanted: set[Hashable] = set()
        self._replaced: list[Retiring] = []

    def __contains__(self, key: Hashable) -> bool:
        return key in self._things

    def get(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """Return the thing of that key, made when it is first asked for."""
        self._wanted.add(key)
        if key not in self._things:
            self._things[key] = make()
        thing: Thing = self._things[key]
        return thing

    def put(self, key: Hashable, thing: Closing) -> None:
        """Let this be the thing of that key, whoever asks for it."""
        self._wanted.add(key)
        self._things[key] = thing

    def replace(self, key: Hashable, make: Callable[[], Replaced]) -> Replaced:
        """Return another thing of that key; the one that was there is let go of with the others."""
        made = make()
        self._replaced.append(self._things.pop(key))
        self.put(key, made)
        return made

    def begin(self) -> None:
        """Begin anew to note what is asked for."""
        self._wanted.clear()

    async def retire(self) -> None:
        """Let go of what nobody has asked for since ``begin``."""
        others = {key: each for key, each in self._things.items() if key not in self._wanted}
        retiring = {key: each for key, each in others.items() if isinstance(each, Retiring)}
        for key in retiring:
            del self._things[key]
        replaced, self._replaced = self._replaced, []
        for each in (*retiring.values(), *replaced):
            await each.retire()

    async def aclose(self) -> None:
        """Close everything, the last first."""
        while self._replaced:
            await self._replaced.pop().aclose()
        while self._things:
            _, thing = self._things.popitem()
            await thing.aclose()
