"""People are asked, and what they have written down is read."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.tools.parts import calls, organism_of, tool
from xml_pipeline.events import ThreadEvent
from xml_pipeline.tools.question import AskPeople, Choice, PeopleAnswered, Question
from xml_pipeline.tools.skill import LoadSkill

ASKED = AskPeople((Question("Which one?", (Choice("a"), Choice("b"))),))


async def test_a_question_waits_until_somebody_answers_it(tmp_path: Path) -> None:
    async with organism_of(tmp_path, "question") as organism:
        threads: list[str] = []

        def note(event: object) -> None:
            if isinstance(event, ThreadEvent):
                threads.append(event.thread_id)

        organism.subscribe(note)
        asking = asyncio.create_task(organism.ask("question", ASKED))
        await asyncio.sleep(0)
        await organism.drain()
        organism.answer(threads[0], PeopleAnswered(("b",)))
        assert await asking == PeopleAnswered(("b",))


async def test_a_question_that_nobody_answers_is_over_in_time(tmp_path: Path) -> None:
    async with organism_of(tmp_path, tool("question", "{seconds: 0.05}")) as organism:
        [told] = await calls(organism, ("question", ASKED))
    assert (told.kind, told.fields["code"]) == ("SystemError", "timeout")


async def test_a_skill_is_read_by_its_name(tmp_path: Path) -> None:
    for folder in ("skills/review", "skills/empty", ".claude/skills/review"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "skills" / "review" / "SKILL.md").write_text("the second")
    (tmp_path / ".claude" / "skills" / "review" / "SKILL.md").write_text("Look twice.")
    (tmp_path / ".claude" / "skills" / "review" / "list.md").write_text("x")
    async with organism_of(tmp_path, "skill") as organism:
        found, unknown, path = await calls(
            organism, *(("skill", LoadSkill(each)) for each in ("review", "empty", "../x"))
        )
    assert found.text == "Look twice.\n\nBeside it lie: list.md"
    assert unknown.error == "there is no skill empty; there are: review"
    assert "no path" in path.error
