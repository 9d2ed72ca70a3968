"""What a language model is asked and what it says: the face of this room.

A provider has one method. What it says while it still thinks goes to whoever listens, delta by
delta; ``deltas`` turns that into an asynchronous iterator. Retry, failover, cascade, rate limit
and metering are providers that wrap a provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from xml_pipeline.listener import Spending

Role = Literal["user", "assistant"]
StopReason = Literal["end_turn", "tool_use", "max_tokens"]
Effort = Literal["high", "medium", "low", "none"]


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a model thought before it spoke; it goes back to it exactly as it came.

    ``signature`` is the provider's seal on it, or what it sent in place of readable text.
    """

    text: str
    signature: str = ""
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called. ``id`` is the model's own name for the call.

    ``malformed`` is the text of arguments that are no JSON object; ``arguments`` are empty then.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]
    malformed: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call came to."""

    call_id: str
    content: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """A picture; ``data`` is base64."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound; ``data`` is base64, ``format`` such as ``wav``."""

    format: str
    data: str


Block = Text | Thinking | ToolCall | ToolResult | Image | Audio


@dataclass(frozen=True, slots=True)
class Message:
    """One side's part of a conversation."""

    role: Role
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        """Return its words, blocks joined by blank lines."""
        return "\n\n".join(each.text for each in self.blocks if isinstance(each, Text))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """Return the calls in it, in their order."""
        return tuple(each for each in self.blocks if isinstance(each, ToolCall))


def said(role: Role, text: str) -> Message:
    """Return a message of words only."""
    return Message(role, (Text(text),))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that were spent.

    ``input`` counts what was neither written to nor read from a cache; ``reasoning`` is a part
    of ``output``.
    """

    input: int = 0
    output: int = 0
    cache_write: int = 0
    cache_read: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        """Return all tokens, cached ones included."""
        return self.input + self.output + self.cache_write + self.cache_read

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cache_write + other.cache_write,
            self.cache_read + other.cache_read,
            self.reasoning + other.reasoning,
        )


@dataclass(frozen=True, slots=True)
class Function:
    """What a model may call: ``schema`` is the JSON Schema of the arguments, an object."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether a model may, must, or must not call a function, or which one it must."""

    kind: Literal["auto", "any", "none", "function"] = "auto"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked.

    ``spending`` is the budget that pays for it, None where nobody counts; it does not travel.
    """

    model: str
    messages: tuple[Message, ...]
    system: str = ""
    functions: tuple[Function, ...] = ()
    choice: Choice = Choice()
    max_tokens: int = 4096
    temperature: float | None = None
    effort: Effort | None = None
    cached: bool = False
    spending: Spending | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said. ``model`` is who really said it: a cascade has several.

    ``usage`` and ``usd`` are of this and of every attempt that it took; ``usd`` is None where
    the price is not known.
    """

    message: Message
    usage: Usage = Usage()
    stop: StopReason = "end_turn"
    model: str = ""
    usd: float | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Some more words of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """Some more of what the model thinks."""

    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """What was said so far does not count: the answer begins again."""

    why: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """An attempt failed, and another one follows in ``delay`` seconds."""

    attempt: int
    attempts: int
    delay: float
    why: str


@dataclass(frozen=True, slots=True)
class Escalated:
    """A cheaper model's answer did not do, so the next one is asked."""

    model: str
    to: str
    why: str


Delta = TextDelta | ThinkingDelta | Restarted | Retrying | Escalated
Hear = Callable[[Delta], None]


def unheard(delta: Delta) -> None:
    """Hear nothing."""


class Provider(Protocol):
    """Asks a language model.

    ``complete`` raises ProviderError, and nothing else on purpose. ``hear`` is told of the
    answer while it comes; a provider whom nobody hears (``unheard``) need not stream. It is
    called from the event loop and must not wait.
    """

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion: ...
    async def aclose(self) -> None: ...


async def deltas(provider: Provider, request: Request) -> AsyncIterator[Delta | Completion]:
    """Yield what a provider says as it comes, and last of all the completion.

    Whoever stops reading stops the call. Raises ProviderError.
    """
    queue: asyncio.Queue[Delta | None] = asyncio.Queue()
    call = asyncio.ensure_future(provider.complete(request, queue.put_nowait))
    call.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        while (delta := await queue.get()) is not None:
            yield delta
        yield await call
    finally:
        call.cancel()


def alternating(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages so that the sides take turns: neighbours of one side become one."""
    turns: list[Message] = []
    for message in messages:
        if turns and turns[-1].role == message.role:
            turns[-1] = Message(message.role, turns[-1].blocks + message.blocks)
        else:
            turns.append(message)
    return tuple(turns)
