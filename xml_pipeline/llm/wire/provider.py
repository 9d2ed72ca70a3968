"""A provider that asks over HTTP, in the format of one wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from xml_pipeline.llm.base import (
    Completion,
    Hear,
    Request,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    Usage,
    unheard,
)
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.wire.http import Endpoint
from xml_pipeline.llm.wire.reading import Json


class Assembly(Protocol):
    """Puts a reply together from the events of a stream, and lets it be heard meanwhile."""

    @property
    def usage(self) -> Usage:
        """Return what was spent as far as it is known."""

    def take(self, event: Json | None) -> bool:
        """Take one event, and tell whether it was the last; None is a ``[DONE]``."""

    def whole(self) -> Json:
        """Return the reply as it would have come at once. Raises Complaint for a part of one."""


@dataclass(frozen=True, slots=True)
class Format:
    """How what is asked is written, and what is said is read.

    ``written`` makes the body of a request, to be streamed or not; ``completion`` reads a whole
    reply of the model that was asked, and raises Complaint where that cannot be.
    """

    written: Callable[[Request, bool], dict[str, Any]]
    assembly: Callable[[Hear], Assembly]
    completion: Callable[[Json, str], Completion]


class Wire:
    """Asks an address in a format."""

    def __init__(self, endpoint: Endpoint, spoken: Format) -> None:
        self._endpoint = endpoint
        self._format = spoken

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Ask, and stream the answer where somebody hears it. Raises ProviderError."""
        streamed = hear is not unheard
        assembly = self._format.assembly(hear)
        body = self._format.written(request, streamed)
        try:
            async with self._endpoint.asked(body, streamed=streamed) as answer:
                if answer.streamed:
                    await answer.feed(assembly.take)
                    return self._format.completion(assembly.whole(), request.model)
                return _told(self._format.completion(await answer.document(), request.model), hear)
        except ProviderError as error:
            error.usage += assembly.usage
            error.__context__ = None  # an error of httpx has the request, and so the key
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        await self._endpoint.aclose()


def _told(completion: Completion, hear: Hear) -> Completion:
    """Let it be heard as if it had come in pieces, and return it."""
    for block in completion.message.blocks:
        if isinstance(block, Text):
            hear(TextDelta(block.text))
        elif isinstance(block, Thinking) and block.text:
            hear(ThinkingDelta(block.text))
    return completion
