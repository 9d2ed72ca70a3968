"""The review: written, criticised, mended, approved by a person, and published."""

from __future__ import annotations

import asyncio

import pytest

from tests.house.source import ROOT
from xml_pipeline import Organism
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.events import Event, MessageReceived

FILE = ROOT / "organisms" / "review.yaml"
STEPS = ("writer", "critic", "editor", "press")
GOOD = "An organism is a set of listeners that reach each other by messages only"


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XML_PIPELINE_MODEL", raising=False)


async def said(organism: Organism, *decisions: str) -> tuple[Answer, list[str]]:
    """Return what comes of a review with these decisions, and whom the graph has asked."""
    asked: list[str] = []
    waiting: asyncio.Queue[str] = asyncio.Queue()

    def hear(event: Event) -> None:
        if isinstance(event, MessageReceived) and event.from_id == "review":
            asked.append(event.to_id)
        if isinstance(event, MessageReceived) and event.to_id == "person":
            waiting.put_nowait(event.thread_id)

    organism.subscribe(hear)
    review = asyncio.create_task(organism.ask("review", Task("What is an organism?")))
    for decision in decisions:
        organism.answer(await waiting.get(), Answer(decision))
    return await review, [each for each in asked if each in STEPS]


async def test_a_text_is_mended_until_it_is_good_and_published_once_it_is_approved() -> None:
    async with Organism.load(FILE) as organism:
        answer, steps = await said(organism, "Yes, please.")
    assert answer.text.startswith(f"Published:\n\n{GOOD}.")
    assert answer.spent is not None
    assert answer.spent.turns == 4
    assert steps == ["writer", "critic", "writer", "critic", "editor", "press"]


async def test_a_text_that_is_refused_is_written_again() -> None:
    async with Organism.load(FILE) as organism:
        answer, steps = await said(organism, "Too dry.", "yes")
    assert answer.text.startswith(f"Published:\n\n{GOOD}, and may be an agent.")
    assert steps.count("editor") == 2


async def test_a_text_that_is_refused_again_and_again_is_not_published() -> None:
    async with Organism.load(FILE) as organism:
        answer, steps = await said(organism, "No.", "No.", "No.")
    assert answer.text.endswith("REFUSED: No.")
    assert "press" not in steps
