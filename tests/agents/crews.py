"""Crews of agents under every kind of leader, whose work can be cut off and gone on with.

As a program it is one process of such a crew: the first waits in the middle of the work, says so,
and is killed; the second is given the answer that was waited for, and goes on to the end::

    python -m tests.agents.crews SHAPE FOLDER first
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.agents.flow.parts import leader, steps, way
from tests.agents.parts import Found, Look, agent, calls
from tests.agents.test_squads import boss, gives
from xml_pipeline.agents.flow.shape import Flow
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.backends.sqlite import SqliteBackend
from xml_pipeline.events import Event, MessageReceived
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.llm.base import Completion, Hear, Request, said, unheard
from xml_pipeline.organism import Organism
from xml_pipeline.testing import Probe, respond

Note = Callable[[str], None]

FLOWS: Mapping[str, Flow] = {
    "sequence": Flow(steps("abc"), (way("ab"), way("bc"))),
    "parallel": Flow(steps("abc"), sections=True),
    "loop": Flow(steps("ab"), (way("ab"), way("ba", at_most=1))),
    "graph": Flow(steps("abcd"), (way("ab"), way("ac"), way("bd"), way("cd"))),
}
SHAPES = (*FLOWS, "squad", "typed")

ASKED: Mapping[str, Mapping[str, int]] = {
    "sequence": {"a": 1, "b": 1, "c": 1},
    "parallel": {"a": 1, "b": 1, "c": 1},
    "loop": {"a": 2, "b": 2},
    "graph": {"a": 1, "b": 1, "c": 1, "d": 1},
    "squad": {"a": 1, "b": 1, "c": 1, "leader": 1},
    "typed": {"b": 1, "leader": 1},
}
"""How often each agent is asked; it has two turns each time."""

END: Mapping[str, str] = {
    "sequence": "c is done.",
    "parallel": "## b\n\nb is done.",
    "loop": "b is done.",
    "graph": "d is done.",
    "squad": "Led.",
    "typed": "Led.",
}


class Noting:
    """Says a line for each turn, and notes which turn of whom it was asked for."""

    def __init__(self, name: str, lines: tuple[Any, ...], note: Note) -> None:
        self._name, self._lines, self._note = name, lines, note

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Say the line of this turn."""
        turn = sum(each.role == "assistant" for each in request.messages)
        self._note(f"{self._name} {turn}")
        await asyncio.sleep(0)
        line = self._lines[turn]
        return Completion(said("assistant", line)) if isinstance(line, str) else line

    async def aclose(self) -> None:
        """Close nothing."""


def crew(shape: str, note: Note, find: Callable[[Look, HandlerMetadata], Any]) -> list[Listener]:
    """Return a leader, agents that each look a word up, and who looks it up."""

    def worker(name: str) -> Listener:
        is_typed = shape == "typed"
        end = (
            calls(("__respond__", {"text": f"{name} is done."})) if is_typed else f"{name} is done."
        )
        thinks = Noting(name, (calls(("finder", {"word": name})), end), note)
        return agent(thinks, name=name, peers=("finder",), output=Found if is_typed else Answer)

    names = [each for each in ASKED[shape] if each != "leader"]
    return [
        _leader(shape, names, note),
        *map(worker, names),
        Probe("finder", Look, find, output=Found, max_deliveries=1_000).listener,
    ]


def _leader(shape: str, names: list[str], note: Note) -> Listener:
    if shape in FLOWS:
        return leader(FLOWS[shape])
    if shape == "typed":
        asks = calls(*((each, {"text": "Do it."}) for each in names))
        return agent(Noting("leader", (asks, "Led."), note), name="leader", peers=tuple(names))
    tasks = gives("form_squad", *((each, "Do it.") for each in names))
    return boss(Noting("leader", (tasks, "Led."), note), *names, name="leader")


async def live(shape: str, folder: Path, *, first: bool) -> None:
    """Be one process of a crew; the first never ends by itself."""
    asked = folder / "asked"

    def note(line: str) -> None:
        with asked.open("a") as file:
            file.write(f"{line}\n")

    def find(look: Look, _: HandlerMetadata) -> HandlerResponse:
        if look.word == "b" and first:
            return HandlerResponse.defer(within=3600.0)
        return respond(Found(look.word))

    listeners = crew(shape, note, find)
    async with Organism(listeners, backend=SqliteBackend(folder / "journal")) as organism:
        if first:
            await organism.send("leader", Task("Go."))
            await organism.drain()
            await organism.kernel.journal.written()
            sys.stdout.write("waits\n")
            sys.stdout.flush()
            await asyncio.Event().wait()
        await _go_on(organism, folder / "answer")


async def _go_on(organism: Organism, file: Path) -> None:
    def hear(event: Event) -> None:
        if isinstance(event, MessageReceived) and event.from_id == "leader":
            file.write_text(event.payload.text)

    organism.subscribe(hear)
    for waiting in [each.id for each in organism.kernel.threads if each.callee == "finder"]:
        organism.answer(waiting, Found("b"))
    await organism.drain()


if __name__ == "__main__":
    asyncio.run(live(sys.argv[1], Path(sys.argv[2]), first=sys.argv[3:] == ["first"]))
