"""What stands at the beginning of every request, and where it is looked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from xml_pipeline.agents.instructions import (
    MOST_BYTES,
    project_instructions,
    system_prompt,
)
from xml_pipeline.errors import ConfigError
from xml_pipeline.places import config_directory

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a folder in it, and something above it that is none of its business."""
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / "organisms" / "deep").mkdir(parents=True)
    (tmp_path / "AGENTS.md").write_text("secret")
    return root


def said(project: Path, *names: str, at: str = "organisms/deep") -> str:
    return project_instructions(names or ("AGENTS.md",), project / at, project.parent / "own")


def test_files_are_found_up_to_the_root_and_the_nearest_speaks_last(project: Path) -> None:
    (project.parent / "own").mkdir()
    (project.parent / "own" / "AGENTS.md").write_text("mine")
    (project / "AGENTS.md").write_text("root\n")
    (project / "organisms" / "deep" / "AGENTS.md").write_text("deep")
    assert said(project) == "mine\n\nroot\n\ndeep"


def test_nothing_above_the_repository_is_read(project: Path) -> None:
    assert said(project) == ""


def test_without_a_repository_only_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_text("above")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "AGENTS.md").write_text("here")
    assert project_instructions(("AGENTS.md",), folder, tmp_path / "own") == "here"


def test_a_repository_may_have_a_file_in_place_of_its_git_folder(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere")
    (tmp_path / "AGENTS.md").write_text("root")
    (tmp_path / "folder").mkdir()
    assert project_instructions(("AGENTS.md",), tmp_path / "folder", tmp_path / "own") == "root"


def test_what_is_said_twice_is_read_once(project: Path) -> None:
    (project / "AGENTS.md").write_text("the same")
    (project / "CLAUDE.md").symlink_to(project / "AGENTS.md")
    (project / "organisms" / "AGENTS.md").write_text("the same\n")
    assert said(project, "AGENTS.md", "CLAUDE.md") == "the same"


def test_files_of_one_folder_come_in_the_order_of_their_names(project: Path) -> None:
    (project / "a.md").write_text("a")
    (project / "docs").mkdir()
    (project / "docs" / "b.md").write_text("b")
    assert said(project, "docs/b.md", "a.md") == "b\n\na"


@pytest.mark.parametrize("name", ["../AGENTS.md", "/etc/hostname", "docs/../../AGENTS.md"])
def test_a_name_that_leads_outside_is_refused(project: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="leads out of the project"):
        said(project, name)


def test_a_link_that_leads_outside_is_refused(project: Path) -> None:
    (project / "AGENTS.md").symlink_to(project.parent / "AGENTS.md")
    with pytest.raises(ConfigError, match="is a link that leads out of"):
        said(project)


def test_of_too_much_the_farthest_is_cut(project: Path) -> None:
    (project / "AGENTS.md").write_text("r" * 50_000)
    (project / "organisms" / "AGENTS.md").write_text("o" * 50_000)
    (project.parent / "own").mkdir()
    (project.parent / "own" / "AGENTS.md").write_text("mine")
    text = said(project)
    assert text.endswith("o" * 50_000)
    assert "mine" not in text
    assert text.count("r" * (MOST_BYTES - 50_000)) == 1
    assert "[truncated: 34464 bytes omitted]" in text


def test_a_file_that_alone_is_too_long_is_refused(project: Path) -> None:
    (project / "AGENTS.md").write_text("r" * (MOST_BYTES + 1))
    with pytest.raises(ConfigError, match="has more than 65536 bytes"):
        said(project)


def test_a_file_that_cannot_be_reached_is_told_of(project: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: File name too long"):
        said(project, "x" * 300)


def test_a_file_that_is_no_text_does_no_harm(project: Path) -> None:
    (project / "AGENTS.md").write_bytes(b"\xff\xfeok")
    assert said(project).endswith("ok")


def test_the_account_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere")
    assert config_directory() == Path("/somewhere/xml-pipeline")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert config_directory() == Path.home() / ".config" / "xml-pipeline"


def test_the_system_prompt_has_instructions_prompt_peers_and_day() -> None:
    text = system_prompt("You look.", instructions="Be kind.", peers="Ask bob.", now=NOON)
    assert text == "Be kind.\n\n---\n\nYou look.\n\nAsk bob.\n\nToday is 2026-05-04 (UTC)."


def test_the_system_prompt_is_the_same_all_day() -> None:
    assert system_prompt("x", now=NOON) == system_prompt("x", now=NOON + timedelta(hours=11))
    assert system_prompt("x", now=NOON) != system_prompt("x", now=NOON + timedelta(hours=12))


def test_the_day_is_that_of_utc_wherever_the_machine_stands() -> None:
    far = datetime(2026, 5, 5, 1, tzinfo=timezone(timedelta(hours=9)))
    assert "2026-05-04" in system_prompt("", now=far)
