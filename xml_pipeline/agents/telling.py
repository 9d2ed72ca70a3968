"""What an agent tells those who watch it: steps, and words while they come."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any

from xml_pipeline.agents.aside import Cost
from xml_pipeline.agents.gather import Call
from xml_pipeline.agents.reading import Heard
from xml_pipeline.events import AgentEvent, AgentStep, AgentText
from xml_pipeline.guarding import Verdict
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.llm.base import (
    Completion,
    Delta,
    Escalated,
    Hear,
    Restarted,
    Retrying,
    TextDelta,
    ThinkingDelta,
    Usage,
    unheard,
)
from xml_pipeline.spent import told

LONGEST = 4096
"""Characters of a text that are told."""


class Teller:
    """Tells of one delivery of an agent; nothing is built while nobody watches."""

    __slots__ = ("_began", "_first", "_metadata")

    def __init__(self, metadata: HandlerMetadata) -> None:
        self._metadata = metadata
        self._began = perf_counter()
        self._first = 0.0

    def tell(self, step: AgentStep, **about: Any) -> None:
        """Tell of a step."""
        metadata = self._metadata
        if metadata.watched:
            where = (metadata.own_name, metadata.thread_id, metadata.conversation_id)
            metadata.tell(AgentEvent(step, *where, about))

    def call_started(self, call: Call, arguments: Mapping[str, Any]) -> None:
        """Tell that a call sets out; ``keys`` are those of the messages that it takes."""
        if not self._metadata.watched:
            return
        self.tell(
            "tool_call_started",
            call=call.id,
            name=call.name,
            keys=list(call.parts),
            arguments=json.dumps(arguments, ensure_ascii=False)[:LONGEST],
        )

    def call_completed(self, call: Call) -> None:
        """Tell what a call came to."""
        if not self._metadata.watched:
            return
        content = (call.content or "")[:LONGEST]
        about = {"name": call.name, "content": content, "is_error": call.is_error}
        self.tell("tool_call_completed", call=call.id, **about)

    def dispatched(self, calls: Iterable[Call]) -> None:
        """Tell which agents work for this one from now on, where any do."""
        if agents := [name for call in calls for who in call.agents.values() for name in who]:
            self.tell("sub_agents_dispatched", agents=agents)

    def agents_completed(self, call: Call, key: str, answer: Heard | None) -> None:
        """Tell that agents have done their part of a call; of a tool say nothing.

        ``answer`` is None where it is waited for no longer. Of a squad each member is told of,
        and then the whole.
        """
        names = call.agents.get(key, [])
        came = answer.members if answer is not None else ()
        parts = [*zip(names, came or [answer] * len(names), strict=True)]
        if len(names) > 1:
            parts.append((f"squad[{','.join(names)}]", answer))
        for name, part in parts:
            success = part is not None and part.succeeded
            took = told(part.spent) if part is not None and part.spent is not None else {}
            about = {"agent": name, "call": call.id, "success": success}
            self.tell("sub_agent_completed", **about, **took)

    def judged(self, verdict: Verdict, what: str) -> None:
        """Tell of a guardrail that has an objection to something."""
        if verdict.opinion == "allow":
            return
        step: AgentStep = "guardrail_denied" if verdict.denies else "guardrail_warned"
        self.tell(step, guardrail=verdict.by, why=verdict.reason, what=what)

    def answered(self, completion: Completion, asked: str) -> None:
        """Tell what a model said, and what that took; ``asked`` is its address."""
        if not self._metadata.watched:
            return
        self.tell(
            "llm_response",
            **_took(asked, completion.usage, completion.usd),
            model=completion.model,
            stop=completion.stop,
            calls=[each.name for each in completion.message.calls],
            text=completion.message.text[:LONGEST],
            seconds=perf_counter() - self._began,
            first_token_seconds=self._first,
            beside=False,
        )

    def asked_beside(self, asked: str, cost: Cost, seconds: float) -> None:
        """Tell what it took to ask a model beside the turns, where one was asked."""
        if cost.usage.total:
            about = _took(asked, cost.usage, cost.usd)
            self.tell("llm_response", **about, model="", seconds=seconds, beside=True)

    def hearing(self) -> Hear:
        """Return who hears what the model says while it speaks: nobody, while nobody watches."""
        self._began, self._first = perf_counter(), 0.0
        return self._hear if self._metadata.watched else unheard

    def _hear(self, delta: Delta) -> None:
        if isinstance(delta, TextDelta | ThinkingDelta):
            self._first = self._first or perf_counter() - self._began
        if isinstance(delta, TextDelta):
            self._say("text", delta.text)
        elif isinstance(delta, ThinkingDelta):
            self._say("thinking", delta.text)
        elif isinstance(delta, Restarted):
            self._say("restart", delta.why)
        elif isinstance(delta, Retrying):
            self.tell(
                "retry_attempt",
                attempt=delta.attempt,
                attempts=delta.attempts,
                delay=delta.delay,
                why=delta.why,
            )
        elif isinstance(delta, Escalated):
            self.tell("model_escalated", model=delta.model, to=delta.to, why=delta.why)

    def _say(self, kind: Any, text: str) -> None:
        metadata = self._metadata
        where = (metadata.own_name, metadata.thread_id, metadata.conversation_id)
        metadata.tell(AgentText(*where, kind, text))


def _took(asked: str, usage: Usage, usd: float | None) -> dict[str, Any]:
    output = usage.output
    tokens = {"input_tokens": usage.total - output, "output_tokens": output}
    return {"asked": asked, **tokens, "usd": usd}
