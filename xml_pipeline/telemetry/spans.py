"""Events into spans: runs of agents, what they ask of models, and their calls.

The rule this file guards: a span holds no more than the mode allows. Names and durations are in
every one, numbers in ``analysis``, and what was said, asked and answered in ``debug`` only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from xml_pipeline.events import AgentEvent, Event, MessageSent, ThreadEvent
from xml_pipeline.redaction import Redact, Redaction, within
from xml_pipeline.telemetry import names
from xml_pipeline.telemetry.tree import Tree, Work

Mode = Literal["production", "analysis", "debug"]

LONGEST = 4096
"""Characters of a text in a span."""

_ENDED = ("completed", "error", "killed")
_TOKENS = {
    names.INPUT_TOKENS: "input_tokens",
    names.OUTPUT_TOKENS: "output_tokens",
    names.COST: "usd",
}
_TOTALS = _TOKENS | {names.TURNS: "turns", names.TOOL_CALLS: "tool_calls"}
_FIRST_CHUNK = {names.FIRST_CHUNK: "first_token_seconds"}


class Spans:
    """Makes spans of what it hears, with a tracer; ``clock`` gives nanoseconds since 1970.

    ``redact`` takes secrets out of what agents do, before anything is cut or written.
    """

    def __init__(
        self,
        tracer: Tracer,
        mode: Mode = "production",
        clock: Callable[[], int] = time.time_ns,
        redact: Redact = Redaction().redact,  # noqa: B008  # it is frozen
    ) -> None:
        self._redact = redact
        self._tracer = tracer
        self._counts = mode != "production"
        self._quotes = mode == "debug"
        self._clock = clock
        self._tree = Tree()

    def hear(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, AgentEvent):
            self._note(replace(event, about=within(event.about, self._redact)))
        elif isinstance(event, ThreadEvent):
            self._note_thread(event)
        elif isinstance(event, MessageSent) and event.traceparent:
            carrier = {"traceparent": event.traceparent}
            outside = TraceContextTextMapPropagator().extract(carrier, Context())
            self._tree.at(event.conversation_id).outside = outside

    def end(self) -> None:
        """End every span that is open: nothing more is heard."""
        for work in self._tree.close_all():
            self._end_run(work, None)

    def _note_thread(self, event: ThreadEvent) -> None:
        if event.status not in _ENDED:
            self._tree.open(event)
            return
        error = event.status if event.status != "completed" else None
        self._end_run(self._tree.close(event.thread_id), error)

    def _note(self, event: AgentEvent) -> None:
        work = self._tree.at(event.thread_id)
        match event.step:
            case "run_started":
                self._end_run(work, None)
                work.run = self._run(event)
            case "turn_started":
                work.turn, work.began = event.about["turn"], self._clock()
            case "llm_response":
                self._responded(event, work)
            case "tool_call_started":
                self._call(event, work)
            case "tool_call_completed":
                self._called(event, work)
            case "run_completed":
                self._finish(event, work)
            case "run_failed":
                self._failed(event, work)
            case _:
                self._remark(event, work)

    # ── runs ────────────────────────────────────────────────────────────────────────────────

    def _run(self, event: AgentEvent) -> Span:
        """Begin the span of a run; of a flow it is one of a workflow."""
        about = event.about
        is_flow = "kind" in about
        operation = names.INVOKE_WORKFLOW if is_flow else names.INVOKE_AGENT
        self._tree.at(event.thread_id).asked = asked = about.get("model", "")
        said = {
            names.WORKFLOW if is_flow else names.AGENT: event.agent,
            names.CONVERSATION: event.conversation_id,
            names.THREAD: event.thread_id,
            **({} if is_flow else _asked(asked)),
        }
        above = self._tree.above(event.thread_id)
        parent = self._tree.at(event.conversation_id).outside or Context()
        if above is not None:
            parent = set_span_in_context(above, Context())
        return self._begin(operation, event.agent, said, parent)

    def _run_of(self, event: AgentEvent, work: Work) -> Context:
        """Return the run that a step belongs to, begun where it began before anybody watched."""
        if work.run is None:
            work.run = self._run(event)
        return set_span_in_context(work.run, Context())

    def _finish(self, event: AgentEvent, work: Work) -> None:
        if work.run is not None:
            self._count(work.run, event.about, _TOTALS)
        self._end_run(work, None)

    def _failed(self, event: AgentEvent, work: Work) -> None:
        about = event.about
        if about.get("reason") and work.began:
            said = self._chat_names(event, work.asked)
            span = self._begin(
                names.CHAT, _model(work.asked), said, self._run_of(event, work), work.began
            )
            self._fail(span, about["reason"], about["why"])
            span.end(self._clock())
        if work.run is not None:
            self._count(work.run, about, _TOTALS)
            self._fail(work.run, about.get("code", "handler"), about.get("why", ""))
        self._end_run(work, None)

    def _end_run(self, work: Work, error: str | None) -> None:
        """End the run on a thread, and with it the calls that nobody waits for any more."""
        now = self._clock()
        for span in (*work.calls.values(), *filter(None, (work.run,))):
            if error is not None:
                self._fail(span, error)
            span.end(now)
        work.run, work.began = None, 0
        work.calls.clear()
        work.by_key.clear()

    # ── what is asked of models and others ──────────────────────────────────────────────────

    def _responded(self, event: AgentEvent, work: Work) -> None:
        about, now = event.about, self._clock()
        asked = about["asked"]
        said = self._chat_names(event, asked)
        if model := about["model"]:
            said[names.RESPONSE_MODEL] = model
        if work.turn and not about["beside"]:
            said[names.TURN] = work.turn
        if stop := about.get("stop"):
            said[names.FINISH_REASONS] = (stop,)
        began = now - int(about["seconds"] * 1e9)
        span = self._begin(names.CHAT, _model(asked), said, self._run_of(event, work), began)
        self._count(span, about, _TOKENS)
        if about.get("first_token_seconds"):
            self._count(span, about, _FIRST_CHUNK)
        if self._quotes and about.get("text"):
            span.set_attribute(names.OUTPUT_MESSAGES, _message(about["text"], stop))
        span.end(now)
        if not about["beside"]:
            work.began = 0

    def _chat_names(self, event: AgentEvent, asked: str) -> dict[str, Any]:
        return _asked(asked) | {
            names.AGENT: event.agent,
            names.CONVERSATION: event.conversation_id,
        }

    def _call(self, event: AgentEvent, work: Work) -> Span:
        about = event.about
        said = {
            names.TOOL: about["name"],
            names.TOOL_TYPE: "function",
            names.CALL: about["call"],
            names.AGENT: event.agent,
            names.CONVERSATION: event.conversation_id,
        }
        span = self._begin(names.EXECUTE_TOOL, about["name"], said, self._run_of(event, work))
        self._quote(span, names.ARGUMENTS, about.get("arguments", ""))
        work.calls[about["call"]] = span
        work.by_key.update(dict.fromkeys(about.get("keys", ()), span))
        return span

    def _called(self, event: AgentEvent, work: Work) -> None:
        about = event.about
        if not about["call"]:
            return  # It was a task given on whole: the run beneath has a span of its own.
        span = work.calls.get(about["call"]) or self._call(event, work)
        if about["is_error"]:
            self._fail(span, "tool_error", about["content"])
        self._quote(span, names.RESULT, about["content"])
        span.end(self._clock())
        del work.calls[about["call"]]

    def _remark(self, event: AgentEvent, work: Work) -> None:
        """Note any other step as something that happened in its run."""
        if work.run is not None:
            said = {key: value for key, value in event.about.items() if self._may_say(value)}
            plain = {key: _plain(value) for key, value in said.items()}
            work.run.add_event(event.step, plain, self._clock())

    # ── spans ───────────────────────────────────────────────────────────────────────────────

    def _begin(
        self,
        operation: str,
        what: str,
        said: Mapping[str, Any],
        parent: Context,
        began: int | None = None,
    ) -> Span:
        kind = SpanKind.CLIENT if operation == names.CHAT else SpanKind.INTERNAL
        attributes = {names.OPERATION: operation, **said}
        return self._tracer.start_span(
            f"{operation} {what}".rstrip(),
            parent,
            kind,
            attributes,
            start_time=began if began is not None else self._clock(),
        )

    def _count(self, span: Span, about: Mapping[str, Any], figures: Mapping[str, str]) -> None:
        if self._counts:
            known = {name: about.get(key) for name, key in figures.items()}
            span.set_attributes({key: each for key, each in known.items() if each is not None})

    def _quote(self, span: Span, name: str, text: str) -> None:
        if self._quotes and text:
            span.set_attribute(name, text[:LONGEST])

    def _fail(self, span: Span, kind: str, why: str = "") -> None:
        span.set_attribute(names.ERROR, kind)
        words = why[:LONGEST] if self._quotes and why else None
        span.set_status(Status(StatusCode.ERROR, words))

    def _may_say(self, value: object) -> bool:
        """Tell whether the mode allows a value: numbers, or whatever it is."""
        return self._quotes or (self._counts and isinstance(value, int | float))


def _asked(address: str) -> dict[str, Any]:
    provider = address.partition(":")[0]
    if not provider:
        return {}
    known = names.PROVIDERS.get(provider, provider)
    return {names.PROVIDER: known, names.REQUEST_MODEL: _model(address)}


def _model(address: str) -> str:
    return address.partition(":")[2]


def _message(text: str, stop: str | None) -> str:
    """Return an answer as the conventions want it written."""
    part = {"type": "text", "content": text[:LONGEST]}
    return json.dumps([{"role": "assistant", "parts": [part], "finish_reason": stop or ""}])


def _plain(value: Any) -> Any:
    """Return a value as an attribute may have it."""
    return value if isinstance(value, bool | int | float) else str(value)[:LONGEST]
