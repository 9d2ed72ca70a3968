"""A provider that asks cheaper models first, and dearer ones where their answers will not do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from xml_pipeline.llm.attempts import Attempts
from xml_pipeline.llm.base import (
    Completion,
    Delta,
    Escalated,
    Hear,
    Provider,
    Request,
    Retrying,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    unheard,
)
from xml_pipeline.llm.errors import ProviderError

REFUSALS = re.compile(
    r"""
      \b(?: i | we ) \s+ (?: cannot | can \s not | can't | could \s not | couldn't )\b
    | (?: ^ | [.!?] \s+ ) (?: cannot | can't | unable )\b
    | \b(?: i'm | i \s am | we're | we \s are ) \s+ (?: not \s (?: sure | able ) | unable )\b
    | \b(?: do \s not | don't ) \s know\b
    | \bbeyond \s my \s capabilities\b
    | \b(?: apologi[sz]e | apologies | sorry ) ,? \s but\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""How a model says that it does not know, or cannot."""

APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"


@dataclass(frozen=True, slots=True)
class Gate:
    """What an answer of a cheaper model has to be like."""

    accept_tool_calls: bool = True
    escalate_on_max_tokens: bool = True
    min_output_tokens: int = 5

    def objection(self, completion: Completion) -> str:
        """Return why an answer will not do, or an empty string where it will."""
        if completion.message.calls:
            return "" if self.accept_tool_calls else "it calls functions"
        if completion.stop == "max_tokens" and self.escalate_on_max_tokens:
            return "its answer is cut off"
        if completion.usage.output < self.min_output_tokens:
            return f"its answer has {completion.usage.output} tokens"
        refusal = REFUSALS.search(completion.message.text.replace(APOSTROPHE, "'"))
        return f'it says "{refusal[0].strip()}"' if refusal else ""


@dataclass(frozen=True, slots=True)
class Tier:
    """One model of a cascade. ``label`` is its address."""

    label: str
    provider: Provider


class Cascade:
    """Asks one tier after the other, the cheapest first; what the last one says is final.

    Nothing of a tier is heard before its answer is accepted, but of the last one. The answer's
    ``model`` is the label of the tier that gave it; its ``usage`` counts those before, too.
    """

    def __init__(self, tiers: Sequence[Tier], gate: Gate) -> None:
        self._tiers = tuple(tiers)
        self._gate = gate

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Ask until an answer will do. Raises what the last tier raises."""
        attempts = Attempts(hear)
        for tier, following in pairwise(self._tiers):
            try:
                completion = await tier.provider.complete(request, _retries_only(hear))
            except ProviderError as error:
                attempts.failed(error)
                why = str(error)
            else:
                why = self._gate.objection(completion)
                if not why:
                    _say(completion, hear)
                    return attempts.completed(replace(completion, model=tier.label))
                attempts.rejected(completion)
            hear(Escalated(tier.label, following.label, why))
        return await self._final(request, attempts)

    async def aclose(self) -> None:
        """Close every tier."""
        for tier in self._tiers:
            await tier.provider.aclose()

    async def _final(self, request: Request, attempts: Attempts) -> Completion:
        last = self._tiers[-1]
        try:
            completion = await last.provider.complete(request, attempts.hear)
        except ProviderError as error:
            attempts.failed(error)
            raise attempts.exhausted(error) from None
        return attempts.completed(replace(completion, model=last.label))


def _retries_only(hear: Hear) -> Hear:
    def pass_on(delta: Delta) -> None:
        if isinstance(delta, Retrying):
            hear(delta)

    return unheard if hear is unheard else pass_on


def _say(completion: Completion, hear: Hear) -> None:
    for block in completion.message.blocks:
        if isinstance(block, Thinking) and block.text:
            hear(ThinkingDelta(block.text))
        elif isinstance(block, Text):
            hear(TextDelta(block.text))
