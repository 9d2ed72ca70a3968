"""Models that keep to nothing, and peers that answer, fail, dawdle, owe, or say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.agents.parts import Found, Look
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.llm.base import (
    Block,
    Completion,
    Hear,
    Message,
    Request,
    Text,
    Thinking,
    ToolCall,
    Usage,
    unheard,
)
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.testing import Probe, respond

pytestmark = pytest.mark.virtual_clock  # Each conversation has a loop of its own, of that kind.

Line = Completion | ProviderError

PEERS = ("prompt", "failing", "silent", "slow", "owing", "v1.2", "v1_2")
"""Those that an unruly model may ask; two of them have one name, as a model sees it."""

_NAMES = (*PEERS, "promt", "nobody", "", "v1_3", "__respond__", "a" * 200, "x.y/z")
_TEXTS = ("", "Well.", "</Answer>", "half \ud83d", "nul \0", "<message>", "&", "\r\n", "é😀")
_words = st.sampled_from(_TEXTS) | st.text(max_size=9)
_arguments = st.one_of(
    st.builds(lambda word: {"word": word}, _words),
    st.builds(lambda text: {"text": text}, _words),
    st.dictionaries(_words, st.none() | st.booleans() | st.integers() | _words, max_size=2),
)
_calls = st.builds(
    ToolCall,
    st.sampled_from(("", "a", "b", "c")),
    st.sampled_from(_NAMES),
    _arguments,
    st.just("") | st.just("{") | _words,
)
_blocks: st.SearchStrategy[Block] = st.one_of(
    _calls, _calls, _calls, st.builds(Text, _words), st.builds(Thinking, _words, _words)
)
_completions = st.builds(
    lambda blocks, stop: Completion(Message("assistant", tuple(blocks)), Usage(3, 2), stop),
    st.lists(_blocks, max_size=5),
    st.sampled_from(("tool_use", "end_turn", "max_tokens")),
)
_errors = st.builds(
    ProviderError, st.sampled_from(("overflow", "rate_limit", "invalid")), st.just("no")
)
plays: st.SearchStrategy[list[Line]] = st.lists(
    _completions | _completions | _completions | _errors, max_size=6
)


class Unruly:
    """A model that says these lines, one after the other, then is done; it keeps what it is asked.

    ``lines`` are asked for one by one, so that a test can tell how often it was asked.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = iter(lines)
        self.requests: list[Request] = []

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Say the next line."""
        self.requests.append(request)
        line = next(self._lines, None) or Completion(Message("assistant", (Text("Done."),)))
        if isinstance(line, ProviderError):
            raise line
        return line

    async def aclose(self) -> None:
        """Close nothing."""


async def _dawdle(payload: Look, _: HandlerMetadata) -> HandlerResponse:
    await asyncio.sleep(90)
    return respond(Found(payload.word))


def _fail(payload: Look, _: HandlerMetadata) -> Any:
    raise RuntimeError(payload.word)


_REACTIONS: dict[str, Callable[[Any, HandlerMetadata], Any]] = {
    "failing": _fail,
    "silent": lambda payload, _: None,
    "slow": _dawdle,
    "owing": lambda payload, _: HandlerResponse.defer(within=45),
}


def peers() -> list[Listener]:
    """Return the peers of an unruly model."""
    return [
        Probe(
            name,
            Look,
            _REACTIONS.get(name, lambda payload, _: respond(Found(payload.word))),
            output=Found,
            timeout=100.0,
        ).listener
        for name in PEERS
    ]
