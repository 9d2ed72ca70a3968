"""An agent that calls a shell, and somebody who decides about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from xml_pipeline.approvals import Approval
from xml_pipeline.events import AgentEvent, Event
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.payload import xmlify
from xml_pipeline.permission import Action, Permission
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import Probe, respond


@xmlify
@dataclass(frozen=True, slots=True)
class Limits:
    """What a command may take."""

    user: str = "nobody"
    seconds: int = 5


@xmlify
@dataclass(frozen=True, slots=True)
class Shell:
    """A command for a shell."""

    command: str
    files: tuple[str, ...] = ()
    limits: Limits = Limits()


@xmlify
@dataclass(frozen=True, slots=True)
class Output:
    """What a command printed, or what became of it."""

    text: str


@xmlify
@dataclass(frozen=True, slots=True)
class Job:
    """Work for an agent: a command."""

    command: str


def rule(action: Action, tool: str = "*", **arguments: str) -> Permission:
    """Return a rule; two underscores in the name of an argument stand for a dot."""
    return Permission(tool, action, {k.replace("__", "."): v for k, v in arguments.items()})


def shell(name: str = "shell", **options: Any) -> Probe:
    """Return a tool that says what it was told to run."""
    return Probe(name, Shell, lambda call, _: respond(Output(f"ran {call.command}")), **options)


def agent(*permissions: Permission, name: str = "agent", to: str = "shell", **more: Any) -> Probe:
    """Return an agent that runs the command it is given, and answers with what it hears."""

    def react(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Job):
            return HandlerResponse(Shell(payload.command), to=to, key="1.0")
        return respond(Output(words_of(payload)))

    accepts = (Job, Output, SystemError, ThreadEnded)
    options: dict[str, Any] = {"agent": True, "peers": ("*",), "permissions": permissions} | more
    return Probe(name, accepts, options.pop("react", react), **options)


def words_of(payload: Any) -> str:
    """Return what an agent heard, as text."""
    if isinstance(payload, Output):
        return payload.text
    if isinstance(payload, SystemError):
        return f"{payload.message} again={payload.retry_allowed}"
    return type(payload).__name__


class Person:
    """Somebody who is told when there is something to decide."""

    def __init__(self, organism: Organism) -> None:
        self.organism = organism
        self.told: list[AgentEvent] = []
        self._requests: asyncio.Queue[AgentEvent] = asyncio.Queue()
        organism.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, AgentEvent):
            self.told.append(event)
            if event.step == "approval_requested":
                self._requests.put_nowait(event)

    async def asked(self) -> Approval:
        """Wait until a call waits that nobody has looked at yet."""
        event = await self._requests.get()
        await self.organism.drain()
        (found,) = (
            each for each in self.organism.approvals.waiting() if each.id == event.thread_id
        )
        return found

    async def decides(self, decision: Any, **more: Any) -> Approval:
        """Decide on the next call."""
        approval = await self.asked()
        return self.organism.approvals.decide(approval.id, decision, by="ann", **more)

    @property
    def decisions(self) -> list[tuple[bool, str]]:
        """Return whether each call decided so far was allowed, and by whom."""
        return [
            (each.about["allowed"], each.about["by"])
            for each in self.told
            if each.step == "approval_decision"
        ]


async def said(organism: Organism, command: str, to: str = "agent", **who: str) -> str:
    """Give an agent a command, and return what it says in the end."""
    answer = await organism.ask(to, Job(command), **who)  # type: ignore[arg-type]
    text: str = answer.text
    return text
