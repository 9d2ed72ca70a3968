#!/usr/bin/env python
"""Measures how the journal of one agent grows with its turns, in SQLite.

In each turn the model asks for one call, of half a kilobyte of results. What is said once would be
written once if nothing else had to be: ``said`` is what the conversation itself takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.our_agents import SAID, TASK, Found, Look
from xml_pipeline import HandlerMetadata, HandlerResponse, Listener, Organism
from xml_pipeline.agents.agent import Agent, accepted
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.agents.transcript import to_json
from xml_pipeline.backends.sqlite import SqliteBackend
from xml_pipeline.config import AgentKeys
from xml_pipeline.llm.base import (
    Completion,
    Hear,
    Message,
    Request,
    Text,
    ToolCall,
    Usage,
    unheard,
)

TURNS = 200
RESULT = "What it means is this. " * 22
KEEP_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Grown:
    """Bytes after so many turns: what was said, and what the journal's file has."""

    turns: int
    said: int
    written: int


class Talkative:
    """A model that asks for one call in each of so many turns, then answers."""

    def __init__(self, turns: int) -> None:
        self._turns = turns
        self.said = 0

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Say what a conversation of this length calls for."""
        turn = len(request.messages) // 2 + 1
        if turn == self._turns:
            self.said = len(to_json(request.messages))
            return Completion(Message("assistant", (Text(SAID),)), Usage(10, 5))
        call = ToolCall(f"c{turn}", "finder", {"word": f"word {turn}"})
        return Completion(Message("assistant", (call,)), Usage(10, 5), "tool_use")

    async def aclose(self) -> None:
        """Close nothing."""


async def look(payload: Look, metadata: HandlerMetadata) -> HandlerResponse:
    """Say what a word means, at some length."""
    return HandlerResponse.respond(Found(RESULT))


async def grown(turns: int) -> Grown:
    """Run an agent for so many turns, and return what there is of it afterwards."""
    model = Talkative(turns)
    agent = Listener(
        "agent",
        accepted((Task,)),
        Agent(model, "scripted:bench", AgentKeys(max_turns=turns)),
        description="Thinks.",
        agent=True,
        keeps_depth=True,
        peers=("finder",),
        output=Answer,
    )
    finder = Listener("finder", Look, look, description="Looks a word up.", output=Found)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "journal.db"
        async with Organism([agent, finder], backend=SqliteBackend(file, KEEP_SECONDS)) as organism:
            answer = await organism.ask("agent", TASK, timeout=300.0)
            assert answer.text == SAID
        return Grown(turns, model.said, size_of(Path(folder)))


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(each.stat().st_size for each in folder.iterdir())


async def measure(turns: int) -> list[Grown]:
    """Measure a quarter of the turns, a half, and all of them."""
    return [await grown(max(1, number)) for number in (turns // 4, turns // 2, turns)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="how many turns there are")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    found = asyncio.run(measure(max(4, round(TURNS * options.scale))))
    if options.json:
        print(json.dumps([[each.turns, each.said, each.written] for each in found]))
        return
    print(f"{'turns':>5}{'said, KiB':>14}{'journal, KiB':>14}{'times':>8}")
    for each in found:
        said, written = each.said / 1024, each.written / 1024
        print(f"{each.turns:5}{said:14.0f}{written:14.0f}{written / said:8.1f}")


if __name__ == "__main__":
    main()
