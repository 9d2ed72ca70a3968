"""The agent that is measured: it asks for five calls, then answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from xml_pipeline import (
    HandlerMetadata,
    HandlerResponse,
    Listener,
    Organism,
    OrganismConfig,
    xmlify,
)
from xml_pipeline.agents.agent import Agent, accepted
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.config import AgentKeys
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

CALLS = 5
STEPS = 2 + CALLS
"""Model calls and function calls of one run."""

TASK = Task("What do these five words mean?")
SAID = "That is all."


@xmlify
@dataclass(frozen=True, slots=True)
class Look:
    """A word to look up."""

    word: str


@xmlify
@dataclass(frozen=True, slots=True)
class Found:
    """What a word means."""

    text: str


class Scripted:
    """A model that asks for five calls, then answers; each takes ``latency`` seconds."""

    def __init__(self, latency: float = 0.0) -> None:
        self._latency = latency

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Say what a conversation of this length calls for."""
        if self._latency:
            await asyncio.sleep(self._latency)
        if len(request.messages) > 1:
            return Completion(Message("assistant", (Text(SAID),)), Usage(10, 5))
        wanted = (ToolCall(f"c{n}", "finder", {"word": f"word {n}"}) for n in range(CALLS))
        return Completion(Message("assistant", tuple(wanted)), Usage(10, 5), "tool_use")

    async def aclose(self) -> None:
        """Close nothing."""


async def look(payload: Look, metadata: HandlerMetadata) -> HandlerResponse:
    """Say what a word means."""
    return HandlerResponse.respond(Found(f"{payload.word} means something"))


def organism(at_once: int, provider: Provider) -> Organism:
    """Return an organism of one agent and the listener that it asks."""
    agent = Listener(
        "agent",
        accepted((Task,)),
        Agent(provider, "scripted:bench", AgentKeys()),
        description="Thinks.",
        agent=True,
        peers=("finder",),
        output=Answer,
        timeout=300.0,
    )
    finder = Listener("finder", Look, look, description="Looks a word up.", output=Found)
    config = {
        "max_concurrent_handlers": 2 * at_once,
        "max_concurrent_per_agent": at_once,
        "budget": {"tokens": 1_000_000_000},
        "limits": {"waiting_messages": 100_000},
    }
    return Organism([agent, finder], config=OrganismConfig.model_validate(config))
