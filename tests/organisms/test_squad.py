"""The squad: two agents find out, on a blackboard of their own, and a third one writes."""

from __future__ import annotations

import pytest

from handlers.almanac import DISTANCES, Entry, LookUp
from tests.house.source import ROOT
from xml_pipeline import Organism
from xml_pipeline.agents.payloads import Task
from xml_pipeline.events import AgentEvent, Event

FILE = ROOT / "organisms" / "squad.yaml"
TEAM_UP = Task("Researcher and analyst, team up: how long is sunlight on its way to Mars?")
SECTIONS = (
    "=== Agent: researcher ===\nMars is 227.9 million km from the sun.\n\n"
    "=== Agent: analyst ===\nLight takes 12.67 minutes for it."
)


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XML_PIPELINE_MODEL", raising=False)


def watched(organism: Organism) -> list[AgentEvent]:
    seen: list[AgentEvent] = []

    def hear(event: Event) -> None:
        if isinstance(event, AgentEvent):
            seen.append(event)

    organism.subscribe(hear)
    return seen


async def test_the_figures_are_found_out_by_a_squad_and_written_up_by_a_third() -> None:
    async with Organism.load(FILE) as organism:
        seen = watched(organism)
        answer = await organism.ask("lead", TEAM_UP)
    assert "almost thirteen minutes ago" in answer.text
    done = [each for each in seen if each.step == "tool_call_completed"]
    [squad] = [each for each in done if each.about["name"] == "form_squad"]
    assert squad.about["content"] == SECTIONS
    [read] = [each for each in done if each.agent == "writer"]
    assert read.about["content"] == SECTIONS
    assert not any(each.about["is_error"] for each in done)


async def test_the_answer_carries_what_the_whole_team_took() -> None:
    async with Organism.load(FILE) as organism:
        seen = watched(organism)
        answer = await organism.ask("lead", TEAM_UP)
    responses = [each.about for each in seen if each.step == "llm_response"]
    assert answer.spent.turns == len(responses)
    assert answer.spent.input_tokens == sum(each["input_tokens"] for each in responses)
    assert answer.spent.output_tokens == sum(each["output_tokens"] for each in responses)


async def test_a_question_for_one_goes_to_one() -> None:
    async with Organism.load(FILE) as organism:
        seen = watched(organism)
        answer = await organism.ask("lead", Task("How far away is Mars?"))
    assert answer.text == "Mars is 227.9 million km from the sun."
    [routed] = [each for each in seen if each.step == "task_routed"]
    assert routed.about["agent"] == "researcher"
    assert "lead" not in {each.agent for each in seen if each.step == "llm_response"}


@pytest.mark.parametrize(
    ("planet", "words"),
    [
        (" Jupiter ", "Jupiter is 778.5 million km from the sun, on average."),
        ("NEPTUNE", "Neptune is 4,515.0 million km from the sun, on average."),
        ("Pluto", "There is an entry for each of Mercury, Venus, Earth, Mars"),
    ],
)
async def test_the_almanac_knows_the_planets(planet: str, words: str) -> None:
    async with Organism.load(FILE) as organism:
        entry = await organism.ask("almanac", LookUp(planet))
    assert isinstance(entry, Entry)
    assert entry.text.startswith(words)
    assert len(DISTANCES) == 8
