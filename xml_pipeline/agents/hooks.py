"""The guardrails of an agent, as one: asked in their order around every model and every call.

The first that denies decides; where none does, the first that warns is heard. What one of them
rewrites, the next one sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from xml_pipeline.builtin import Misconfigured, Parts
from xml_pipeline.catalogue import find
from xml_pipeline.config import GuardrailConfig
from xml_pipeline.errors import ConfigError
from xml_pipeline.guarding import ALLOWED, Called, Guardrail, Outcome, Piece, Pieces, Verdict
from xml_pipeline.llm.base import (
    Block,
    Completion,
    Message,
    Request,
    Text,
    ToolCall,
    ToolResult,
    said,
)


@dataclass(frozen=True, slots=True, eq=False)
class Hooks:
    """Guardrails by their names, in the order in which they are asked.

    Those that were made from the same ``settings`` by the same classes are equal: a file that says
    the same makes no other agent, and what a guardrail remembers stays.
    """

    guardrails: tuple[tuple[str, Guardrail], ...] = ()
    settings: tuple[GuardrailConfig, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hooks) and self._made_of == other._made_of

    __hash__ = None  # type: ignore[assignment]  # settings are mappings

    @property
    def _made_of(self) -> object:
        if not self.settings:
            return self.guardrails
        return self.settings, [guardrail.__class__ for _, guardrail in self.guardrails]

    async def before_model(self, request: Request) -> tuple[Request, Verdict]:
        """Return the request as the guardrails want it, and what they think of it."""
        pieces = given = tuple(_pieces(request)) if self.guardrails else ()
        overall = ALLOWED
        for name, guardrail in self.guardrails:
            rewritten, verdict = await guardrail.before_model(pieces)
            if [each.kind for each in rewritten] != [each.kind for each in pieces]:
                raise ValueError(f"guardrail {name} changes more than the words of a request")
            pieces, overall = rewritten, _heard(overall, verdict, name)
            if overall.denies:
                return request, overall
        return (request if pieces is given else _rewritten(request, pieces)), overall

    async def after_model(self, completion: Completion) -> Verdict:
        """Return what they think of what the model said."""
        overall, text = ALLOWED, completion.message.text
        for name, guardrail in self.guardrails if text else ():
            overall = _heard(overall, await guardrail.after_model(text), name)
            if overall.denies:
                break
        return overall

    async def before_tool(self, call: ToolCall) -> Verdict:
        """Return what they think of a call; its name must be repaired by then."""
        overall = ALLOWED
        for name, guardrail in self.guardrails:
            verdict = await guardrail.before_tool(Called(call.name, call.arguments))
            overall = _heard(overall, verdict, name)
            if overall.denies:
                break
        return overall

    async def after_tool(self, call: ToolCall, result: ToolResult) -> tuple[ToolResult, Verdict]:
        """Return what the model is shown of a result, and what they think of it."""
        if not self.guardrails:
            return result, ALLOWED
        overall, outcome = ALLOWED, Outcome(result.content, result.is_error)
        called = Called(call.name, call.arguments)
        for name, guardrail in self.guardrails:
            outcome, verdict = await guardrail.after_tool(called, outcome)
            overall = _heard(overall, verdict, name)
            if overall.denies:
                return ToolResult(result.call_id, refusal(overall), is_error=True), overall
        return replace(result, content=outcome.text, is_error=outcome.is_error), overall


def configured(guardrails: Sequence[GuardrailConfig]) -> Hooks:
    """Return the guardrails that a listener names.

    Raises Misconfigured for those that are not there, or whose settings are wrong.
    """
    parts, made = Parts(), []
    for index, each in enumerate(guardrails):
        guardrail = parts.make(partial(_guardrail, each), "guardrails", index)
        if guardrail is not None:
            made.append((each.name, guardrail))
    if parts.findings:
        raise Misconfigured(parts.findings)
    return Hooks(tuple(made), tuple(guardrails))


def refusal(verdict: Verdict) -> str:
    """Return what a model is told in place of a result that was denied, or never came."""
    return f"Guardrail denied: {verdict.reason or 'unspecified'}"


def objection(verdict: Verdict) -> tuple[Message, Message]:
    """Return what stands in a conversation in place of an answer that was denied.

    It is one message of each side: they go on taking turns.
    """
    told = f"{refusal(verdict)}. Your answer was withheld. Answer in another way."
    return said("assistant", "[withheld]"), said("user", told)


def _guardrail(config: GuardrailConfig) -> Guardrail:
    module: Any = find("guardrails", config.name)
    if not hasattr(module, "configured"):
        raise ConfigError((f"`guardrails` {config.name} is no guardrail",))
    try:
        made: Guardrail = module.configured(config.settings)
    except ConfigError as error:
        problems = tuple(f"`guardrails` {config.name}: {each}" for each in error.problems)
        raise ConfigError(problems) from None
    return made


def _heard(overall: Verdict, verdict: Verdict, name: str) -> Verdict:
    """Return the verdict that counts of those so far and one more."""
    weighs_more = verdict.denies or (verdict.opinion == "warn" and overall.opinion == "allow")
    return replace(verdict, by=name) if weighs_more else overall


def _pieces(request: Request) -> Iterator[Piece]:
    """Yield the words of a request in their order."""
    functions: dict[str, str] = {}
    yield Piece("system", request.system)
    for message in request.messages:
        functions |= {call.id: call.name for call in message.calls}
        for block in message.blocks:
            if isinstance(block, Text):
                yield Piece(message.role, block.text)
            elif isinstance(block, ToolResult):
                yield Piece("result", block.content, functions.get(block.call_id, ""))


def _rewritten(request: Request, pieces: Pieces) -> Request:
    """Return a request with other words."""
    texts = iter([each.text for each in pieces])
    system = next(texts)
    messages = tuple(
        replace(each, blocks=tuple(_reworded(block, texts) for block in each.blocks))
        for each in request.messages
    )
    return replace(request, system=system, messages=messages)


def _reworded(block: Block, texts: Iterator[str]) -> Block:
    if isinstance(block, Text):
        return replace(block, text=next(texts))
    return replace(block, content=next(texts)) if isinstance(block, ToolResult) else block
