"""What the built-in listeners of one organism have in common: made once, closed with it.

Connections to language models are an example: every agent uses the same, and a reload that
leaves their settings as they are leaves them as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar


class Closing(Protocol):
    """Something that has to be closed."""

    async def aclose(self) -> None: ...


Thing = TypeVar("Thing", bound=Closing)


class Commons:
    """Things by what they were made from."""

    def __init__(self) -> None:
        self._things: dict[Hashable, Any] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._things

    def get(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """Return the thing of that key, made when it is first asked for."""
        if key not in self._things:
            self._things[key] = make()
        thing: Thing = self._things[key]
        return thing

    def put(self, key: Hashable, thing: Closing) -> None:
        """Let this be the thing of that key, whoever asks for it."""
        self._things[key] = thing

    async def aclose(self) -> None:
        """Close everything, the last first."""
        while self._things:
            _, thing = self._things.popitem()
            await thing.aclose()
