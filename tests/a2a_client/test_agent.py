"""Agents of ours that work with agents elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.a2a_client.house import organism, served
from tests.agents.parts import agent, calls, script
from xml_pipeline.agents.payloads import Task
from xml_pipeline.agents.reading import ASKED, heard
from xml_pipeline.payload import RawPayload


async def test_an_agent_answers_what_an_agent_elsewhere_asks(tmp_path: Path) -> None:
    provider = script(
        calls(("parrot", {"text": "ask Which city?"})),
        calls(("parrot", {"text": "Rome"})),
        calls(("parrot", {"text": "fail no ink"})),
        "It was Rome.",
    )
    async with served() as there, organism(tmp_path, parrot={"url": there.url}) as running:
        running.register(agent(provider, peers=("parrot",)))
        answer = await running.ask("ada", Task("Ask the parrot."))
    assert answer.text == "It was Rome."
    told = [str(each.messages[-1].blocks) for each in provider.requests[1:]]
    assert "Which city?" in told[0]
    assert ASKED in told[0]
    assert "Rome" in told[1]
    assert ASKED not in told[1]
    assert "parrot has failed: no ink" in told[2]
    assert len({each.context_id for each in there.parrot.heard}) == 1


async def test_a_model_is_told_what_an_agent_elsewhere_can_do(tmp_path: Path) -> None:
    provider = script("Nothing.")
    async with served() as there, organism(tmp_path, parrot={"url": there.url}) as running:
        running.register(agent(provider, peers=("parrot",)))
        await running.ask("ada", Task("What can the parrot do?"))
    (function,) = (each for each in provider.requests[0].functions if each.name == "parrot")
    assert "Does what it is told.\n- Echo: Says it again." in function.description


@pytest.mark.parametrize("xml", [b"<A2aAnswer><text>of others</text></A2aAnswer>"])
def test_what_only_looks_like_such_an_answer_is_read_as_it_is(xml: bytes) -> None:
    assert heard(RawPayload("A2aAnswer", xml)).text == "of others"
