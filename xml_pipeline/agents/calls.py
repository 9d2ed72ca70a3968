"""The calls of a turn: which become messages, and which are answered at once, as errors.

A misspelt name is mended before anything else looks at it, so that nobody evades a rule by
spelling badly.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from xml_pipeline.agents.definition import Definition
from xml_pipeline.agents.doom import circle, objection, remembered
from xml_pipeline.agents.functions import RESPOND, Functions
from xml_pipeline.agents.gather import Call
from xml_pipeline.agents.hooks import refusal
from xml_pipeline.agents.names import meant
from xml_pipeline.agents.run import Run
from xml_pipeline.agents.telling import Teller
from xml_pipeline.errors import InvalidPayload
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.llm.base import Message, ToolCall
from xml_pipeline.payload import Codec, codec_of
from xml_pipeline.payload.text import carried


@dataclass(slots=True)
class Prepared:
    """What a turn's calls have become: ``output`` is the answer, where one of them gave it."""

    calls: list[Call] = field(default_factory=list)
    messages: list[HandlerResponse] = field(default_factory=list)
    output: Any = None


def identified(message: Message) -> Message:
    """Return what a model said with an id for each call that no other call of it has.

    A result says by its id which call it answers, and not every model gives each its own.
    """
    taken: set[str] = set()
    blocks = []
    for block in message.blocks:
        if isinstance(block, ToolCall):
            id, number = block.id, 1
            while not id or id in taken:
                number += 1
                id = f"{block.id or 'call'}_{number}"
            taken.add(id)
            block = replace(block, id=id) if id != block.id else block
        blocks.append(block)
    return Message(message.role, tuple(blocks))


async def prepare(
    agent: Definition,
    metadata: HandlerMetadata,
    run: Run,
    wanted: tuple[ToolCall, ...],
    teller: Teller,
) -> Prepared:
    """Turn what the model wants called into messages, in its order."""
    run.tool_calls += len(wanted)
    run.used = sorted({each.name for each in wanted})
    prepared = Prepared()
    preparing = _Preparing(agent, agent.functions(metadata), run, teller, prepared)
    if period := preparing.period(wanted):
        why = objection(period)
        prepared.calls = [Call(each.id, each.name, why, is_error=True) for each in wanted]
        return prepared
    for number, call in enumerate(wanted):
        await preparing.add(call, f"{run.number}.{run.turn}.{number}")
    return prepared


class _Preparing:
    def __init__(
        self,
        agent: Definition,
        functions: Functions,
        run: Run,
        teller: Teller,
        prepared: Prepared,
    ) -> None:
        self._agent = agent
        self._functions = functions
        self._run = run
        self._teller = teller
        self._prepared = prepared

    def period(self, calls: tuple[ToolCall, ...]) -> int:
        """Return after how many turns the model asks for the same again, 0 where it does not."""
        most, run = self._agent.keys.max_identical_calls, self._run
        if most is None:
            return 0
        run.prints = list(remembered(run.prints, calls, most))
        period = circle(run.prints, most)
        if period:
            run.loops += 1
            self._teller.tell("doom_loop_detected", times=most, period=period)
        return period

    async def add(self, call: ToolCall, key: str) -> None:
        """Add one call, as a message or as an error."""
        try:
            await self._add(call, key)
        except InvalidPayload as error:
            words = f"These arguments do not fit: {error.detail}"
            self._fail(call, words)

    async def _add(self, call: ToolCall, key: str) -> None:
        if call.malformed:
            self._fail(call, f"The arguments are no JSON object: {call.malformed[:200]}")
            return
        name = meant(call.name, self._names)
        if name is None:
            offered = ", ".join(self._names) or "none"
            self._fail(call, f"Tool not found: {call.name}. There are: {offered}")
            return
        if name == RESPOND:
            self._respond(call)
            return
        if name != call.name:
            call = replace(call, name=name)
        verdict = await self._agent.hooks.before_tool(call)
        self._teller.judged(verdict, f"call of {name}")
        if verdict.denies:
            self._fail(call, refusal(verdict))
        else:
            self._send(call, key)

    def _send(self, call: ToolCall, key: str) -> None:
        """Turn a call into the messages that it takes."""
        target = self._functions.targets[call.name]
        made = Call(call.id, call.name, hands_off=target.hands_off)
        if self._agent.hooks.guardrails:
            made.arguments = dict(call.arguments)
        if self._agent.writes_xml:
            parts = target.written(call.arguments["xml"], key)
        else:
            parts = target.parts(call.arguments, key)
        for number, part in enumerate(parts):
            own = part.message.key if part.message is not None and part.message.key else ""
            made.expect(own or f"{key}.{number}", part)
            if part.message is not None:
                self._prepared.messages.append(part.message)
        self._prepared.calls.append(made)
        self._teller.call_started(made, dict(call.arguments))

    def _respond(self, call: ToolCall) -> None:
        codec: Codec[Any] = codec_of(self._agent.output)
        if self._agent.writes_xml:
            output = codec.from_xml(carried(call.arguments["xml"]).encode())
        else:
            output = codec.from_json(dict(call.arguments))
            codec.write(output)  # JSON has characters that XML has not.
        self._prepared.output = output
        self._prepared.calls.append(Call(call.id, call.name, "Taken."))

    @property
    def _names(self) -> tuple[str, ...]:
        own = (RESPOND,) if self._agent.respond is not None else ()
        return (*self._functions.targets, *own)

    def _fail(self, call: ToolCall, words: str) -> None:
        made = Call(call.id, call.name, words, is_error=True)
        self._prepared.calls.append(made)
        self._teller.call_completed(made)
