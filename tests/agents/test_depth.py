"""A row of turns is no depth: `max_turns` ends it, and hops end how deep agents ask each other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents.parts import agent, calls, script
from tests.assembly.projects import Project
from tests.assembly.projects import project as project
from xml_pipeline.agents.payloads import Task
from xml_pipeline.errors import HandlerFailed
from xml_pipeline.organism import Organism
from xml_pipeline.testing import memory_organism

FILE = """
organism: {name: row}
listeners:
  - name: clerk
    description: Asks a lot.
    agent: true
    model: scripted:clerk
    max_turns: 90
    peers: [echo]
  - name: echo
    description: Says it again.
    payload_class: handlers.echoing.Say
    handler: handlers.echoing.echo
"""

ECHO = '''
    from dataclasses import dataclass

    from xml_pipeline import HandlerResponse, xmlify


    @xmlify
    @dataclass(frozen=True, slots=True)
    class Say:
        """Something to say."""

        word: str


    async def echo(payload, metadata):
        return HandlerResponse.respond(payload)
    '''


async def test_an_agent_of_a_file_has_all_the_turns_that_it_is_given(project: Project) -> None:
    turns = [f"- calls: [{{name: echo, arguments: {{word: w{turn}}}}}]" for turn in range(80)]
    project.write("clerk.yaml", "\n".join((*turns, "- text: That was all.", "")))
    project.write("handlers/echoing.py", ECHO)
    project.file.write_text(FILE)
    async with Organism.load(project.file) as organism:
        answer: Any = await organism.ask("clerk", Task("Go."))
    assert (answer.text, answer.spent.turns) == ("That was all.", 81)


async def test_thinking_again_is_no_depth_either() -> None:
    wrong = [calls((f"nobody{turn}", {})) for turn in range(60)]
    async with memory_organism(agent(script(*wrong, "Enough."), max_turns=61)) as organism:
        answer = await organism.ask("ada", Task("Go."))
    assert answer.text == "Enough."


async def test_agents_that_ask_each_other_ever_deeper_are_ended_by_hops() -> None:
    def asks(other: str) -> Any:
        return script(*(calls((other, {"text": "You do it."})) for _ in range(100)))

    ping, pong = asks("pong"), asks("ping")
    keys: dict[str, Any] = {"max_turns": 1}
    first = agent(ping, name="ping", peers=("pong",), **keys)
    second = agent(pong, name="pong", peers=("ping",), **keys)
    async with memory_organism(first, second, budget={"hops": 20}) as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("ping", Task("Go."))
    assert len(ping.requests) + len(pong.requests) == 21
