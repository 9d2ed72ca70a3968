"""Parts for tests, of ours and of yours.

A listener that records, an organism in memory, a provider that answers from a script.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from xml_pipeline.config import OrganismConfig
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.llm.scripted import ScriptedProvider as ScriptedProvider
from xml_pipeline.organism import Organism

Reaction = Callable[[Any, HandlerMetadata], Any]


class Seen(NamedTuple):
    """One call of a probe: what it was given, and what it was told."""

    payload: Any
    metadata: HandlerMetadata


class Probe:
    """A listener that records every call, and reacts as it is told.

    ``react`` is called with payload and metadata, and returns what a handler may return; a
    probe without one says nothing. ``listener`` goes into an organism; further arguments
    are those of ``Listener``.
    """

    def __init__(
        self,
        name: str,
        accepts: type | tuple[type, ...],
        react: Reaction | None = None,
        **options: Any,
    ) -> None:
        self.seen: list[Seen] = []
        self._react = react
        self._news: asyncio.Queue[Seen] = asyncio.Queue()
        options.setdefault("description", f"Records what {name} is given.")
        self.listener = Listener(name, accepts, self._handle, **options)

    @property
    def payloads(self) -> list[Any]:
        """Return the payloads of all calls so far."""
        return [each.payload for each in self.seen]

    async def next(self) -> Seen:
        """Wait for the next call that nobody has waited for yet, and return it."""
        return await self._news.get()

    async def _handle(self, payload: Any, metadata: HandlerMetadata) -> Any:
        seen = Seen(payload, metadata)
        self.seen.append(seen)
        self._news.put_nowait(seen)
        if self._react is None:
            return None
        reaction = self._react(payload, metadata)
        return await reaction if inspect.iscoroutine(reaction) else reaction


def respond(payload: object) -> HandlerResponse:
    """Answer the caller: ``HandlerResponse.respond``, short enough for a lambda."""
    return HandlerResponse.respond(payload)


def memory_organism(*listeners: Listener | Probe, **config: Any) -> Organism:
    """Return an organism of these listeners that keeps nothing; ``config`` as in its file."""
    return Organism(_listeners(listeners), config=OrganismConfig.model_validate(config))


def _listeners(given: Iterable[Listener | Probe]) -> Iterable[Listener]:
    return (each.listener if isinstance(each, Probe) else each for each in given)
