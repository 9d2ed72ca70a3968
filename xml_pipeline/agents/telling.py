"""What an agent tells those who watch it: steps, and words while they come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from xml_pipeline.agents.run import Call
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
    unheard,
)

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
        """Tell that a call sets out."""
        self.tell(
            "tool_call_started",
            call=call.id,
            name=call.name,
            arguments=json.dumps(arguments, ensure_ascii=False)[:LONGEST],
        )

    def call_completed(self, call: Call) -> None:
        """Tell what a call came to."""
        content = (call.content or "")[:LONGEST]
        about = {"name": call.name, "content": content, "is_error": call.is_error}
        self.tell("tool_call_completed", call=call.id, **about)

    def judged(self, verdict: Verdict, what: str) -> None:
        """Tell of a guardrail that has an objection to something."""
        if verdict.opinion == "allow":
            return
        step: AgentStep = "guardrail_denied" if verdict.denies else "guardrail_warned"
        self.tell(step, guardrail=verdict.by, why=verdict.reason, what=what)

    def answered(self, completion: Completion) -> None:
        """Tell what a model said, and what that took."""
        usage = completion.usage
        self.tell(
            "llm_response",
            model=completion.model,
            input_tokens=usage.total - usage.output,
            output_tokens=usage.output,
            usd=completion.usd,
            stop=completion.stop,
            calls=[each.name for each in completion.message.calls],
            text=completion.message.text[:LONGEST],
            seconds=perf_counter() - self._began,
            first_token_seconds=self._first,
        )

    def hearing(self) -> Hear:
        """Return who hears what the model says while it speaks: nobody, while nobody watches."""
        self._began, self._first = perf_counter(), 0.0
        return self._hear if self._metadata.watched else unheard

    def _hear(self, delta: Delta) -> None:
        if isinstance(delta, TextDelta):
            self._first = self._first or perf_counter() - self._began
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
