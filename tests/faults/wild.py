"""Listeners that do at random whatever a listener may do, odd things above all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from tests.flows.payloads import Note, Number, Result, Task
from xml_pipeline.errors import BudgetExhausted, Retryable
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.payload import RawPayload
from xml_pipeline.primitives import (
    BufferStart,
    SequenceStart,
    TimerStart,
    TodoComplete,
    TodoUntil,
)
from xml_pipeline.system import Huh, SystemError, ThreadEnded

pytestmark = pytest.mark.virtual_clock  # Whoever lets these loose has a loop of that kind.

SOME: tuple[Any, ...] = (
    Task("t"),
    Result("two\n\tlines & <more>"),
    Note("ß \U0001f600"),
    Number(-1),
)
ODD = ("k", "a\tb", "two\nlines", "-", '"quoted" \\', "ß \U0001f600", "0")
TENANTS = ("", "-", "a\tb", 'c"d', "ß\n", "-\n-")
PRINCIPALS = ("outside", "a:b", "x@y/z+1", "0", "-", "l0.x")


@dataclass
class Wild:
    """Some listeners, and the random choices of all of them."""

    random: Random

    @property
    def names(self) -> list[str]:
        return ["l0", "l.1", "l-2", "_3", "any"]

    def listeners(self) -> list[Listener]:
        return [self._listener(name) for name in self.names]

    def _listener(self, name: str) -> Listener:
        pick = self.random
        heard: list[Any] = [each for each in (SystemError, ThreadEnded, Huh) if pick.random() < 0.6]
        accepts: Any = (*pick.sample(SOME, pick.randint(2, len(SOME))),)
        if name == "any":
            heard.append(RawPayload)
        return Listener(
            name,
            (*(type(each) for each in accepts), *heard),
            self._handle,
            description="Is wild.",
            peers=("*",),
            broadcast=pick.random() < 0.3,
            group=pick.choice((None, "crowd")),
            output=pick.choice(((), Result)),
            max_concurrent=pick.choice((None, 1, 2)),
            timeout=pick.choice((1.0, 5.0)),
            max_deliveries=1_000,
        )

    async def _handle(self, payload: Any, metadata: HandlerMetadata) -> Any:
        pick = self.random
        reserved = self._reserve(metadata)
        for _ in range(pick.randint(0, 2)):
            await asyncio.sleep(pick.choice((0.0, 0.1, 2.0)))
        if pick.random() < 0.5 and reserved is not None:
            reserved.settle(pick.randint(0, 20), 0.25)
        metadata.state["calls"] = metadata.state.get("calls", 0) + 1
        metadata.state[pick.choice(ODD)] = pick.choice((1.5, None, b"\x00\xff", (1, [2]), "\ud800"))
        return self._say(metadata)

    def _reserve(self, metadata: HandlerMetadata) -> Any:
        try:
            return metadata.budget.reserve(10, 0.5) if self.random.random() < 0.3 else None
        except BudgetExhausted:
            return None

    def _say(self, metadata: HandlerMetadata) -> Any:
        pick = self.random
        what = pick.random()
        if what < 0.05:
            raise RuntimeError("wild")
        if what < 0.15:
            raise Retryable("not now", after=pick.choice((0.0, 1.0)))
        if what < 0.2:
            return None
        said = self._sends(metadata)
        if what < 0.3:
            said.append(HandlerResponse.defer(within=pick.choice((0.5, 3.0))))
        elif what < 0.4:
            said.insert(0, HandlerResponse.acknowledge(self._payload()))
        elif what < 0.65:
            said.append(HandlerResponse.respond(self._payload()))
        if pick.random() < 0.2:
            pick.shuffle(said)
        return [each.after(pick.choice((0.0, 0.0, 0.0, 1.0))) for each in said]

    def _sends(self, metadata: HandlerMetadata) -> list[HandlerResponse]:
        pick = self.random
        return [self._send(metadata) for _ in range(pick.choice((0, 1, 1, 1, 2, 3)))]

    def _send(self, metadata: HandlerMetadata) -> HandlerResponse:
        pick = self.random
        what = pick.random()
        key = pick.choice((None, None, *ODD))
        if what < 0.2:
            return HandlerResponse(self._start(), to=None, key=key)
        to = pick.choice((*self.names, metadata.own_name, "crowd", "no.body", None))
        return HandlerResponse(self._payload(), to=to, key=key)

    def _start(self) -> object:
        pick = self.random
        xml = pick.choice(SOME).to_xml().decode()
        to = pick.choice(self.names)
        return pick.choice(
            (
                TimerStart(xml, to=pick.choice(("", to)), seconds=pick.choice((0.0, 1.0))),
                SequenceStart(f"{to},{pick.choice(self.names)}", xml),
                BufferStart(to, xml * 3, concurrency=2, collect=True),
                BufferStart(to, xml * 3, collect=False),
                BufferStart(to, xml * 2, collect=True, timeout=2.0),
                TodoUntil(pick.choice(("Note", "Result")), "", "look\t\n"),
                TodoComplete("nothing"),
            )
        )

    def _payload(self) -> object:
        pick = self.random
        payload: Any = pick.choice(SOME)
        xml: bytes = payload.to_xml()
        other: Any = pick.choice(SOME)
        return pick.choice(
            (
                payload,
                payload,
                xml,
                RawPayload(type(payload).__name__, xml),
                b"Here: " + xml + b" and ```" + other.to_xml() + b"```",
                xml + other.to_xml() + xml,
                b"no XML at all",
                b"<Task><text>unclosed",
                Task("\x00"),
            )
        )
