"""Agents that a script thinks for, and the listeners that they ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xml_pipeline.agents.agent import Agent, accepted
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.config import AgentKeys
from xml_pipeline.listener import Listener
from xml_pipeline.llm.base import (
    Completion,
    Hear,
    Message,
    Provider,
    Request,
    Text,
    ToolCall,
    Usage,
    unheard,
)
from xml_pipeline.llm.scripted import ScriptedProvider
from xml_pipeline.payload import xmlify
from xml_pipeline.testing import Probe, respond


@xmlify
@dataclass(frozen=True, slots=True)
class Look:
    """Something to look up."""

    word: str
    times: int = 1


@xmlify
@dataclass(frozen=True, slots=True)
class Found:
    """What was found."""

    text: str


class Listening:
    """A provider that keeps every request it is asked, and asks another one."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.requests: list[Request] = []

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Keep the request, and pass it on."""
        self.requests.append(request)
        return await self._provider.complete(request, hear)

    async def aclose(self) -> None:
        """Close what it asks."""
        await self._provider.aclose()


def calls(*wanted: tuple[str, dict[str, Any]], text: str = "") -> Completion:
    """Return what a model says that wants these functions called."""
    words = (Text(text),) if text else ()
    made = (ToolCall(f"c{n}", name, given) for n, (name, given) in enumerate(wanted))
    return Completion(Message("assistant", (*words, *made)), Usage(10, 5), "tool_use")


def script(*lines: Any) -> Listening:
    """Return a provider that says these, one after the other."""
    return Listening(ScriptedProvider(*lines))


def agent(
    provider: Provider,
    *,
    name: str = "ada",
    peers: tuple[str, ...] = (),
    output: type = Answer,
    accepts: tuple[type, ...] = (Task,),
    prompt: str = "You are Ada.",
    **keys: Any,
) -> Listener:
    """Return an agent that this provider thinks for."""
    handler = Agent(provider, "scripted:test", AgentKeys(**keys), output)
    about: dict[str, Any] = {"agent": True, "peers": peers, "output": output, "prompt": prompt}
    about["keeps_depth"] = True
    return Listener(name, accepted(accepts), handler, description=f"Is {name}.", **about)


def finder(react: Callable[[Look], Any] | None = None, name: str = "finder") -> Probe:
    """Return a listener that looks words up."""

    def look(payload: Any, _: Any) -> Any:
        if react is not None:
            return react(payload)
        return respond(Found(f"{payload.word} means something"))

    return Probe(name, Look, look, output=Found, description="Looks a word up.")
