"""People are asked, and what they have written down is read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.tools.parts import calls, organism_of, tool
from xml_pipeline.events import ThreadEvent
from xml_pipeline.places import upwards
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


def skill(folder: Path, name: str, text: str) -> None:
    """Write a skill."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "SKILL.md").write_text(text)


async def test_skills_are_looked_for_up_to_the_root_of_the_repository_then_with_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    root = tmp_path / "outside" / "root"
    own = root / "a" / "b"
    own.mkdir(parents=True)
    (root / ".git").mkdir()
    for folder in (own, root, tmp_path / "outside"):
        skill(folder / "skills", "near", f"of {folder.name}")
    skill(root / ".claude" / "skills", "far", "of the root")
    skill(tmp_path / "outside" / "skills", "beyond", "of nobody")
    for name in ("near", "users"):
        skill(tmp_path / "config" / "xml-pipeline" / "skills", name, "of the user")
    async with organism_of(own, "skill") as organism:
        near, far, users, beyond = await calls(
            organism, *(("skill", LoadSkill(each)) for each in ("near", "far", "users", "beyond"))
        )
    assert [near.text, far.text, users.text] == ["of b", "of the root", "of the user"]
    assert beyond.error == "there is no skill beyond; there are: far, near, users"


def test_without_a_repository_no_folder_above_is_looked_into(tmp_path: Path) -> None:
    assert [*upwards(tmp_path)] == [tmp_path]
    (tmp_path / ".git").touch()  # As in a worktree, or a submodule.
    assert [*upwards(tmp_path / "a")] == [tmp_path / "a", tmp_path]
