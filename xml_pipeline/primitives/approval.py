"""Approvals: a call waits on a thread of its own until somebody has decided on it.

The rule this file guards: what goes on is exactly what was shown, once. The pump puts a call
here, together with the name of its tool, when a rule says that somebody has to be asked. The
thread owes an answer meanwhile, which costs no task; everything it needs is its state, so
another process can go on with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xml_pipeline.errors import Denied
from xml_pipeline.events import AgentEvent, AgentStep, Events
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import Codec, RawPayload
from xml_pipeline.registries.arguments import Arguments, canonical
from xml_pipeline.registries.consent import Consent
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.registries.threads import Threads
from xml_pipeline.system import APPROVAL, ApprovalDecision
from xml_pipeline.thread import Thread

_KEY = "call"


class AskForApproval:
    """The handler of ``system.approval``.

    What a tool answers is passed on as it is; its faults, and its silence, pass by themselves.
    """

    __slots__ = ("_clock", "_consent", "_events", "_listeners", "_threads")

    def __init__(
        self,
        listeners: Listeners,
        threads: Threads,
        consent: Consent,
        clock: Callable[[], float],
        events: Events,
    ) -> None:
        self._listeners = listeners
        self._threads = threads
        self._consent = consent
        self._clock = clock
        self._events = events
        threads.on_close.append(self._tell_of_the_end)

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        """Ask on a fresh thread; on one under way obey the decision, or pass the answer on."""
        if metadata.in_reply_to is not None:
            return HandlerResponse.acknowledge(payload.to_xml(), metadata.spent)
        if isinstance(payload, ApprovalDecision):
            return self._obey(payload, metadata)
        return await self._ask(payload, metadata)

    async def _ask(self, payload: RawPayload, metadata: HandlerMetadata) -> HandlerResponse:
        state, tool = metadata.state, metadata.state["tool"]
        call = Arguments(canonical(payload.xml, self._codec(tool, payload.tag)))
        state["tag"], state["call"] = payload.tag, call.xml.decode()
        thread = self._threads.get(metadata.thread_id)
        learned = await self._consent.learned.action(thread.conversation, tool, call)
        if learned is not None:
            return self._obey(ApprovalDecision(learned == "allow", "learned"), metadata)
        if not self._consent.attendance:
            words = f"{tool} needs somebody's approval, and nobody is there to give it."
            return self._obey(ApprovalDecision(False, "nobody", words), metadata)
        since, seconds = self._clock(), self._consent.permissions.seconds
        state["since"], state["expires"] = since, since + seconds
        self._tell("approval_requested", metadata, payload=state["call"], seconds=seconds)
        return HandlerResponse.defer(within=seconds)

    def _obey(self, decision: ApprovalDecision, metadata: HandlerMetadata) -> HandlerResponse:
        """Let the call go on; Denied where it may not."""
        state = metadata.state
        about = {"allowed": decision.allowed, "by": decision.by, "reason": decision.reason}
        self._tell("approval_decision", metadata, **about)
        if not decision.allowed:
            words = decision.reason or f"somebody decided against this call of {state['tool']}."
            raise Denied(words, f"{state['tool']}, by {decision.by}: {words}")
        return HandlerResponse(self._as_shown(state), to=state["tool"], key=_KEY)

    def _as_shown(self, state: Any) -> object:
        """Return what was shown as a payload; as text where its tool does not declare it."""
        xml, codec = state["call"].encode(), self._codec(state["tool"], state["tag"])
        return codec.from_xml(xml) if codec is not None else xml

    def _codec(self, tool: str, tag: str) -> Codec[Any] | None:
        listener = self._listeners.find(tool)
        return listener.codecs.get(tag) if listener is not None else None

    def _tell(self, step: AgentStep, metadata: HandlerMetadata, **about: object) -> None:
        if metadata.watched:
            thread = self._threads.get(metadata.thread_id)
            metadata.tell(self._event(step, thread, metadata.state["tool"], about))

    def _tell_of_the_end(self, thread: Thread) -> None:
        """Tell that nobody decides on a call any more that nobody has decided on."""
        if thread.callee != APPROVAL or thread.owed is None or not self._events.heard:
            return
        state = thread.state or {}
        expired = thread.status == "error"
        reason = "Nobody has decided in time." if expired else "It is not wanted any more."
        about = {"allowed": False, "by": "nobody", "reason": reason}
        self._events.emit(self._event("approval_decision", thread, state["tool"], about))

    def _event(
        self, step: AgentStep, thread: Thread, tool: str, about: Mapping[str, object]
    ) -> AgentEvent:
        whose = thread.conversation
        said = {"tool": tool, "principal": whose.principal, "tenant": whose.tenant, **about}
        return AgentEvent(step, asking(thread, self._listeners), thread.id, whose.id, said)


def asking(thread: Thread, listeners: Listeners) -> str:
    """Return who wants the call that waits on a thread: whoever a primitive acts for."""
    at = thread.parent
    while at is not None and at.parent is not None:
        listener = listeners.find(at.callee)
        if listener is None or not listener.acts_for_caller:
            break
        at = at.parent
    return at.callee if at is not None else thread.caller
