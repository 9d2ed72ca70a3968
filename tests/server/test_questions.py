"""Questions to people, over HTTP and over a WebSocket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.server.house import Visitor, running
from tests.server.test_websocket import talking
from tests.tools.parts import organism_of
from xml_pipeline.events import AgentState, Event
from xml_pipeline.listener import Listener
from xml_pipeline.tools.question import AskPeople, Choice, PeopleAnswered, Question

QUESTIONS = "/v1/questions"
COLOURS = (Choice("red"), Choice("blue", "as the sea"))
ASKED = AskPeople((Question("Which?", COLOURS), Question("How many?", COLOURS, multiple=True)))


def asker(folder: Path) -> tuple[Listener, ...]:
    """Return the tool, made as a file has it made."""
    return tuple(
        each for each in organism_of(folder, "question").listeners if each.name == "question"
    )


async def asking(visitor: Visitor) -> asyncio.Task[Any]:
    """Ask, and wait until that waits for somebody."""
    waits = asyncio.Event()

    def hear(event: Event) -> None:
        if isinstance(event, AgentState) and event.state == "waiting":
            waits.set()

    visitor.organism.subscribe(hear)
    task = asyncio.create_task(visitor.organism.ask("question", ASKED))
    await waits.wait()
    return task


async def shown(visitor: Visitor) -> dict[str, Any]:
    """Return the only questions that wait, as a client is shown them."""
    (asked,) = (await visitor.http.get(QUESTIONS)).json()["questions"]
    found: dict[str, Any] = asked
    return found


async def test_questions_are_shown_and_answered_one_by_one(tmp_path: Path) -> None:
    async with running(*asker(tmp_path)) as visitor:
        answered = await asking(visitor)
        asked = await shown(visitor)
        first, second = asked["questions"]
        assert (first["question"], second["multiple"]) == ("Which?", True)
        assert first["options"][1] == {"label": "blue", "description": "as the sea"}
        at = f"{QUESTIONS}/{asked['id']}"
        for wrong in ([], ["blue"], ["a", "b", "c"], [1, 2], "blue", None):
            refused = await visitor.http.post(at, json={"answers": wrong})
            assert (refused.status_code, "Answers are" in refused.json()["detail"]) == (400, True)
        done = await visitor.http.post(at, json={"answers": ["blue", "red, blue"]})
        assert done.json() == asked | {"answers": ["blue", "red, blue"]}
        assert await answered == PeopleAnswered(("blue", "red, blue"))
        assert (await visitor.http.get(QUESTIONS)).json() == {"questions": []}
        again = await visitor.http.post(at, json={"answers": ["blue", "red"]})
        assert (again.status_code, again.json()["detail"]) == (
            404,
            "Nobody is asked anything there.",
        )
        nowhere = await visitor.http.post(f"{QUESTIONS}/none", json={"answers": ["blue"]})
        assert nowhere.status_code == 404


async def test_questions_are_answered_over_a_websocket(tmp_path: Path) -> None:
    async with running(*asker(tmp_path)) as visitor:
        answered = await asking(visitor)
        thread = (await shown(visitor))["id"]
        async with talking(visitor) as talk:
            await talk.say("answer", 1, thread=thread, answers=["blue"])
            assert (await talk.hear_until("problem"))["status"] == 400
            await talk.say("answer", 2, answers=["blue", "red"])
            assert (await talk.hear_until("problem"))["ref"] == 2
            await talk.say("answer", 3, thread=thread, answers=["blue", "red"])
            told = await talk.hear_until("answered")
            assert (told["ref"], told["answers"]) == (3, ["blue", "red"])
        assert await answered == PeopleAnswered(("blue", "red"))
