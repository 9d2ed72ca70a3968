"""A house of agents that do all that agents do, and the account of what was done in it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.agents.parts import Found, Look, agent, calls
from xml_pipeline.agents.agent import accepted
from xml_pipeline.agents.orchestrator import Orchestrator
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.config import AgentKeys
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.llm.base import Completion, Hear, Request, said, unheard
from xml_pipeline.testing import respond

pytestmark = pytest.mark.virtual_clock  # Whoever lives here has a loop of that kind.

LEADS: Mapping[str, Any] = {"orchestration": {"routing": "always"}}


class Model:
    """Says what its agent's turn calls for, by how many of its own it has had; it keeps each.

    ``turns`` counts how often it was asked for which turn of which agent.
    """

    def __init__(self, name: str, lines: tuple[Any, ...], turns: Counter[str]) -> None:
        self._name, self._lines, self._turns = name, lines, turns

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Say the line of this turn."""
        turn = sum(each.role == "assistant" for each in request.messages)
        self._turns[f"{self._name} {turn}"] += 1
        await asyncio.sleep(len(self._name))  # So that no two end at the same time.
        line = self._lines[turn]
        return Completion(said("assistant", line)) if isinstance(line, str) else line

    async def aclose(self) -> None:
        """Close nothing."""


class House:
    """``turns`` counts what each model was asked, ``looks`` what was looked for.

    ``ids`` are those of the messages that asked for it.
    """

    def __init__(self) -> None:
        self.turns: Counter[str] = Counter()
        self.looks: Counter[str] = Counter()
        self.ids: set[str] = set()

    async def find(self, payload: Look, metadata: HandlerMetadata) -> Any:
        """Answer, fail, say nothing, or owe the answer, as the word says."""
        self.looks[payload.word] += 1
        self.ids.add(metadata.message_id)
        await asyncio.sleep(ord(payload.word[0]) / 100)
        match payload.word:
            case "fail":
                raise RuntimeError("no such page")
            case "hush":
                return None
            case "owe":
                return HandlerResponse.defer(within=1_000)
        return respond(Found(payload.word))

    def listeners(self) -> list[Listener]:
        """Return a boss that leads ada, who asks and hands over, and bob, who always fails.

        Ida is asked twice, in a session.
        """
        about: dict[str, Any] = {"description": "Lives here.", "max_deliveries": 1_000}
        team = [{"agent": each, "task": "Do it."} for each in ("ada", "bob", "cy")]
        boss = Model(
            "boss",
            (calls(("delegate_task", {"tasks": team})), calls(("x", {})), "Led."),
            self.turns,
        )
        leader = Orchestrator(boss, "scripted:test", AgentKeys.model_validate(LEADS))
        return [
            Listener(
                "boss",
                accepted((Task,)),
                leader,
                peers=("ada", "bob", "cy"),
                output=Answer,
                **about,
            ),
            self._agent(
                "ada",
                calls(*(("finder", {"word": each}) for each in ("ox", "fail", "hush", "owe"))),
                calls(("nobody", {}), ("finder", {"word": "ape"})),
                calls(("nobody", {})),
                calls(("hand_off_to_cy", {"text": "You do it."})),
                peers=("finder", "cy"),
                tool_timeout=30.0,
                handoff=("cy",),
            ),
            self._agent("bob", calls(("nobody", {"try": 1})), calls(("nobody", {})), max_turns=2),
            self._agent("cy", "Done by Cy."),
            self._agent(
                "ida",
                calls(("finder", {"word": "ox"})),
                "First.",
                calls(("finder", {"word": "ape"}), ("nobody", {})),
                "Second.",
                peers=("finder",),
                tool_timeout=30.0,
            ),
            Listener("finder", Look, self.find, output=Found, **about),
        ]

    def _agent(self, name: str, *lines: Any, peers: tuple[str, ...] = (), **keys: Any) -> Listener:
        thinker = agent(Model(name, lines, self.turns), name=name, peers=peers, **keys)
        return replace(thinker, max_deliveries=1_000)
