"""Talking with an agent: what it says is shown while it comes, and then what that took."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from xml_pipeline.cli.client import JSON, Client, Message, ServerEvent
from xml_pipeline.cli.exits import Failed
from xml_pipeline.steps.xml import strict_parser

HEARD = "AgentText,AgentEvent,MessageReceived,FaultEvent,ThreadEvent"
TASK = "Task"
"""The payload that an agent is asked with."""

Show = Callable[[ServerEvent], None]


@dataclass(slots=True)
class Cost:
    """What has been spent: tokens, dollars where they are known, seconds."""

    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    seconds: float = 0.0
    unpriced: bool = False

    def note(self, step: str, about: Mapping[str, Any]) -> None:
        """Count what a step of an agent took, if it took anything."""
        if step == "llm_response":
            self._add(about)
        elif step == "run_failed":
            self._cover(about)

    def _add(self, about: Mapping[str, Any]) -> None:
        """Count one answer of a model."""
        self.input_tokens += about["input_tokens"]
        self.output_tokens += about["output_tokens"]
        self.usd += about["usd"] or 0.0
        self.unpriced = self.unpriced or about["usd"] is None

    def _cover(self, about: Mapping[str, Any]) -> None:
        """Count no less than what a run took in all: answers that never came cost too."""
        self.input_tokens = max(self.input_tokens, about.get("input_tokens", 0))
        self.output_tokens = max(self.output_tokens, about.get("output_tokens", 0))
        self.usd = max(self.usd, about.get("usd", 0.0))

    def merge(self, other: Cost) -> None:
        """Count what something else took, too."""
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.usd += other.usd
        self.seconds += other.seconds
        self.unpriced = self.unpriced or other.unpriced

    def __str__(self) -> str:
        price = "price unknown" if self.unpriced and not self.usd else f"${self.usd:.4f}"
        tokens = f"{self.input_tokens:,} tokens in, {self.output_tokens:,} out"
        return f"{tokens}, {price}, {self.seconds:.1f} s"


@dataclass(slots=True)
class Reply:
    """An agent's answer: its payload as XML, the thread that it belongs to, and what it took."""

    payload: str
    thread: str
    open: bool
    cost: Cost = field(default_factory=Cost)


class Talk:
    """A conversation with one listener over the routes of its organism.

    ``show`` is called with each event of the conversation while an answer is awaited.
    """

    def __init__(self, client: Client, listener: str, show: Show, *, session: bool) -> None:
        self._client = client
        self._listener = listener
        self._show = show
        self._session = session
        self.thread = ""
        self.cost = Cost()

    async def ask(self, message: Message | None, text: str = "") -> Reply:
        """Say something, and return the answer. Raises Failed where there is none.

        ``message`` is for a listener that takes something else than a task in words. What it took
        is counted even so.
        """
        began, cost = time.perf_counter(), Cost()
        try:
            async with self._client.events(type=HEARD) as events:
                outcome = await self._client.post(message or self._task(text))
                if outcome.fate != "accepted":
                    raise Failed(outcome.failure or outcome.fate)
                self.thread = outcome.members["thread"]
                reply = await self._follow(events, cost)
        finally:
            cost.seconds = time.perf_counter() - began
            self.cost.merge(cost)
        if not reply.open:
            self.thread = ""
        return reply

    def _task(self, text: str) -> Message:
        said: dict[str, Any] = {"text": text}
        if self._session:
            said["session"] = True
        request: dict[str, Any] = {"to": self._listener, "payload": {TASK: said}}
        if self.thread:
            request["thread"] = self.thread
        return Message(json.dumps(request).encode(), JSON)

    async def _follow(self, events: AsyncIterator[ServerEvent], cost: Cost) -> Reply:
        fault = ""
        async for event in events:
            said = event.data
            if said.get("conversation_id") != self.thread:
                continue
            self._show(event)
            if event.type == "AgentEvent":
                cost.note(said["step"], said["about"])
            elif event.type == "FaultEvent":
                fault = f"{said['code']}, fault {said['id']}"
            elif event.type == "MessageReceived" and said["thread_id"] == self.thread:
                if said["from_id"] == self._listener:
                    return Reply(said["payload"], self.thread, self._session, cost)
            elif event.type == "ThreadEvent" and _has_ended(said, self.thread):
                raise Failed(f"{self._listener} gave no answer ({fault or 'it went quiet'})")
        raise Failed("the organism has stopped")


def _has_ended(said: Mapping[str, Any], thread: str) -> bool:
    """Tell whether a conversation has ended, and not with an answer."""
    return said["thread_id"] == thread and said["status"] in ("error", "killed")


def words_of(payload: str) -> str:
    """Return the words of an answer: of an ``Answer`` its text, of all else the XML."""
    root = etree.fromstring(payload.encode(), strict_parser())
    text = root.find("text")
    if root.tag == "Answer" and text is not None:
        return text.text or ""
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")
