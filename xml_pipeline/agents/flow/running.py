"""The handler of every flow: each step is a message, and each answer one step on.

The rule this file guards: what it remembers is the thread's state and nothing else, so a flow
goes on after a restart exactly where it stood. When it answers or fails, its thread closes, and
with that every step that is still at work.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from xml_pipeline.agents.flow.fitting import (
    accepted_by,
    handed_on,
    merged,
    reader,
    takes_words,
    words_of,
)
from xml_pipeline.agents.flow.progress import Progress, Start
from xml_pipeline.agents.flow.shape import Flow
from xml_pipeline.agents.payloads import Answer, Spent, Task
from xml_pipeline.errors import Rejected
from xml_pipeline.events import AgentEvent, AgentStep
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.payload import RawPayload
from xml_pipeline.payload.raw import parse_xml
from xml_pipeline.system import SystemError, ThreadEnded

log = logging.getLogger(__name__)

_NOTHING = (0, 0, 0.0, 0, 0)


class RunFlow:
    """Leads a request through a flow.

    ``accepts`` are the requests it takes, ``output`` what it may answer. The state is that of
    ``Progress``, and ``spent``: the sums of what the steps say they have spent.
    """

    def __init__(
        self, kind: str, flow: Flow, accepts: tuple[type, ...], output: tuple[type, ...]
    ) -> None:
        self._kind = kind
        self._flow = flow
        self._accepts = accepts
        self._output = output

    async def __call__(
        self, payload: Any, metadata: HandlerMetadata
    ) -> HandlerResponse | list[HandlerResponse] | None:
        """Begin on a fresh thread; on one under way take in what a step has come to."""
        turn = _Turn(self._flow, metadata)
        if not metadata.state:
            if not isinstance(payload, self._accepts):
                raise Rejected("validation", f"{metadata.own_name} begins with none such")
            return self._begin(payload, turn)
        progress = Progress(self._flow, metadata.state)
        step = progress.asked(metadata.in_reply_to)
        if step is None:
            log.warning("%s left out what came from %s", metadata.own_name, metadata.from_id)
            return None
        failed = True
        try:
            responses = self._go_on(step, payload, progress, turn)
            failed = False
        finally:
            if failed:
                turn.tell("run_failed", at=step, code="handler", spent=turn.spent._asdict())
        return responses

    def spent_so_far(self, state: Mapping[str, Any]) -> Spent | None:
        """Return what its steps have taken that have come to something."""
        spent = state.get("spent", ())
        return Spent(*spent) if len(spent) == len(_NOTHING) and any(spent) else None

    def _begin(self, request: object, turn: _Turn) -> list[HandlerResponse]:
        state = turn.metadata.state
        progress = Progress(self._flow, state)
        starts = progress.begin()
        if isinstance(request, Task) and request.session:
            request = replace(request, session=False)  # The steps are asked once.
        state["spent"] = _NOTHING
        turn.tell("run_started", kind=self._kind, steps=[each.name for each in self._flow.steps])
        return [turn.ask(each, request) for each in starts]

    def _go_on(
        self, step: str, payload: Any, progress: Progress, turn: _Turn
    ) -> HandlerResponse | list[HandlerResponse]:
        if not progress.is_of_this_flow:
            raise Rejected("handler", "it was changed while it was at work")
        listener = self._flow.by_name[step].listener
        if isinstance(payload, SystemError):
            turn.tell("sub_agent_completed", agent=listener, success=False)
            turn.tell("run_failed", at=step, code=payload.code, spent=turn.with_(payload)._asdict())
            return HandlerResponse.pass_on()
        if isinstance(payload, ThreadEnded):
            raise Rejected("handler", f"the step {step} ended without an answer")
        turn.tell("sub_agent_completed", agent=listener, success=True)
        output = payload.to_xml().decode()
        answer = turn.read(step, output, self._accepts)
        turn.add(answer)
        words = words_of(answer)
        key = turn.metadata.in_reply_to or ""
        starts = progress.answered(key, output, answer, output if words is None else words)
        ends = None if starts else progress.ends
        if ends is None:
            return [self._ask(each, turn) for each in starts]
        return self._finish(ends, turn)

    def _ask(self, start: Start, turn: _Turn) -> HandlerResponse:
        read = {step: turn.read(step, xml, self._accepts) for step, xml in start.inputs}
        if len(read) == 1:
            return turn.ask(start, next(iter(read.values())))
        return turn.ask(start, _in_words(read, accepted_by(turn.asked(start.step))))

    def _finish(self, ends: Mapping[str, str], turn: _Turn) -> HandlerResponse:
        read = {step: turn.read(step, xml, self._accepts) for step, xml in ends.items()}
        spent = turn.spent
        if len(read) > 1 or self._flow.sections:
            answer = _in_words(read, self._output)
        else:
            answer = handed_on(next(iter(read.values())), self._output)
        took = Spent(*spent) if any(spent) else None
        turn.tell("run_completed", kind=self._kind, spent=spent._asdict())
        if isinstance(answer, Answer):
            return HandlerResponse.respond(Answer(answer.text, took))
        return HandlerResponse.respond(answer, took)


class _Sum(NamedTuple):
    """What was spent: the fields of ``Spent``, in their order."""

    input_tokens: int
    output_tokens: int
    usd: float
    turns: int
    tool_calls: int


class _Turn:
    """One delivery: whom the flow can ask, and what it tells."""

    def __init__(self, flow: Flow, metadata: HandlerMetadata) -> None:
        self.metadata = metadata
        self._flow = flow

    def asked(self, step: str) -> Listener:
        """Return whom a step asks; Rejected where that one is not here any more."""
        name = self._flow.by_name[step].listener
        there = (each.listener for each in self.metadata.peers)
        found = next((each for each in there if each.name == name), None)
        if found is None:
            raise Rejected("routing", f"{name} is not here any more")
        return found

    def ask(self, start: Start, payload: object) -> HandlerResponse:
        """Return the message that asks a step."""
        listener = self.asked(start.step)
        payload = handed_on(payload, accepted_by(listener))
        self.tell("sub_agents_dispatched", agents=[listener.name], at=start.step)
        return HandlerResponse(payload, to=listener.name, key=start.key)

    def read(self, step: str, xml: str, others: tuple[type, ...]) -> Any:
        """Return what a step has answered; raw, where nobody has declared it."""
        document = xml.encode()
        tag = str(parse_xml(document).tag)
        codec = reader(self.asked(step), others).get(tag)
        return codec.from_xml(document) if codec is not None else RawPayload(tag, document)

    @property
    def spent(self) -> _Sum:
        """Return what the steps have spent so far."""
        return _Sum(*self.metadata.state.get("spent", _NOTHING))

    def with_(self, answer: object) -> _Sum:
        """Return what was spent so far, and what an answer or a fault says it has taken."""
        spent = self.metadata.spent or getattr(answer, "spent", None)
        return _added(self.spent, spent) if isinstance(spent, Spent) else self.spent

    def add(self, answer: object) -> None:
        """Add what an answer says it has taken."""
        self.metadata.state["spent"] = tuple(self.with_(answer))

    def tell(self, step: AgentStep, **about: object) -> None:
        """Tell those who watch what becomes of the flow."""
        it = self.metadata
        if it.watched:
            it.tell(AgentEvent(step, it.own_name, it.thread_id, it.conversation_id, about))


def _added(so_far: _Sum, spent: Spent) -> _Sum:
    return _Sum(*(before + getattr(spent, name) for name, before in so_far._asdict().items()))


def _in_words(read: Mapping[str, Any], accepted: tuple[type, ...]) -> object:
    """Return several answers as one text; ValueError where one says nothing in words."""
    wordy = takes_words(accepted)
    said = {step: words_of(each) for step, each in read.items()}
    if wordy is None or None in said.values():
        raise ValueError(f"{', '.join(read)}: only words can be put together")
    return wordy(text=merged({step: words or "" for step, words in said.items()}))
