"""What an agent says is written down once, however long it goes on."""

from __future__ import annotations

from typing import Any

from tests.agents.parts import Found, agent, calls, finder, script
from xml_pipeline.agents.payloads import Task
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.llm.base import Request
from xml_pipeline.organism import Organism
from xml_pipeline.testing import respond


async def written(turns: int) -> int:
    """Return the bytes of the journal of a run of so many turns."""

    def say(request: Request) -> Any:
        turn = len(request.messages) // 2
        return "Done." if turn == turns else calls(("finder", {"word": f"w{turn:03}"}))

    ada = agent(script(say), peers=("finder",), max_turns=turns + 1)
    found = finder(lambda _: respond(Found("y" * 500))).listener
    backend = MemoryBackend()
    async with Organism([ada, found], backend=backend) as organism:
        assert (await organism.ask("ada", Task("Look."))).text == "Done."
    [summary] = await backend.conversations(1)
    past = await backend.conversation(summary.id)
    assert past is not None
    return sum(len(each.records) for each in past.entries)


async def test_twice_as_many_turns_take_twice_as_much() -> None:
    few, many = await written(30), await written(60)
    assert many < 2.1 * few
