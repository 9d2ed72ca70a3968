"""The review: written, criticised, mended, approved by a person, and published."""

from __future__ import annotations

import asyncio

import pytest

from tests.house.source import ROOT
from xml_pipeline import Organism
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.approvals import Decision
from xml_pipeline.events import AgentEvent, Event, MessageReceived

FILE = ROOT / "organisms" / "review.yaml"
STEPS = ("writer", "critic", "editor")
GOOD = "An organism is a set of listeners that reach each other by messages only"


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XML_PIPELINE_MODEL", raising=False)


async def said(organism: Organism, *reasons: str) -> tuple[Answer, list[str]]:
    """Return what comes of a review, and whom it has asked, the press included.

    Each reason is one against the text; a last one that is empty is none.
    """
    asked: list[str] = []
    waiting: asyncio.Queue[str] = asyncio.Queue()

    def hear(event: Event) -> None:
        if isinstance(event, MessageReceived):
            asked.append(event.to_id)
        if isinstance(event, AgentEvent) and event.step == "approval_requested":
            waiting.put_nowait(event.thread_id)

    organism.subscribe(hear)
    with organism.approvals.attend():
        review = asyncio.create_task(organism.ask("review", Task("What is an organism?")))
        for reason in reasons:
            call = await waiting.get()
            decision: Decision = "deny" if reason else "allow"
            organism.approvals.decide(call, decision, by="ann", reason=reason)
        return await review, [each for each in asked if each in (*STEPS, "press")]


async def test_a_text_is_mended_until_it_is_good_and_published_once_it_is_approved() -> None:
    async with Organism.load(FILE) as organism:
        answer, steps = await said(organism, "")
    assert answer.text.startswith(f"Published:\n\n{GOOD}.")
    assert answer.spent is not None
    assert answer.spent.turns == 4
    assert list(dict.fromkeys(steps)) == ["writer", "critic", "editor", "press"]
    assert [steps.count(each) for each in STEPS] == [2, 2, 2]


async def test_a_text_that_is_refused_is_written_again() -> None:
    async with Organism.load(FILE) as organism:
        answer, steps = await said(organism, "Too dry.", "")
    assert answer.text.startswith(f"Published:\n\n{GOOD}, and may be an agent.")
    assert steps.count("press") == 1


async def test_a_text_that_is_refused_again_and_again_is_not_published() -> None:
    async with Organism.load(FILE) as organism:
        answer, steps = await said(organism, "No.", "No.", "Never.")
    assert answer.text.endswith("REFUSED: Denied: Never.")
    assert "press" not in steps


async def test_nothing_is_published_while_nobody_is_there_to_approve_it() -> None:
    async with Organism.load(FILE) as organism:
        answer = await organism.ask("review", Task("What is an organism?"))
    assert "nobody is there to give it" in answer.text
