"""What a running organism leaves on disk: private, whole, and not believed once it is dead."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from xml_pipeline.cli.exits import Misused, Unreachable
from xml_pipeline.cli.locate import locate
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.state import Running, announced, running_organisms
from xml_pipeline.places import state_directory


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("XML_PIPELINE_TOKEN", raising=False)
    return tmp_path / "xml-pipeline"


def running(pid: int, port: int = 1, file: str = "/a/organism.yaml") -> Running:
    return Running(pid, "hello", file, f"http://127.0.0.1:{port}", f"token {port}")


def dead() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_entry_is_there_while_the_organism_runs_and_for_its_owner_only(home: Path) -> None:
    with announced(running(os.getpid())) as file:
        assert file.parent == home == state_directory()
        assert (mode(file), mode(home)) == (0o600, 0o700)
        assert running_organisms() == [running(os.getpid())]
        assert [*home.iterdir()] == [file]
    assert running_organisms() == []
    assert not file.exists()


def test_the_token_is_not_shown_by_accident() -> None:
    assert "token 1" not in repr(running(1))


def test_without_its_variable_the_state_directory_is_below_the_home_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    assert state_directory() == Path.home() / ".local" / "state" / "xml-pipeline"


def test_an_entry_of_a_dead_process_is_cleared_away(home: Path) -> None:
    with announced(running(dead())) as file:
        assert running_organisms() == []
        assert not file.exists()


def test_an_entry_takes_the_place_of_what_was_left_by_another_of_its_process(home: Path) -> None:
    with announced(running(os.getpid(), 1)):
        (home / f"{os.getpid()}.draft").write_text("half an entry")
        with announced(running(os.getpid(), 2)):
            assert running_organisms() == [running(os.getpid(), 2)]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}', '{"pid": "1"}', "\x00"])
def test_what_is_no_entry_is_passed_over(home: Path, text: str) -> None:
    home.mkdir(parents=True)
    (home / "1.json").write_text(text)
    assert running_organisms() == []


def test_a_process_of_somebody_else_counts_as_running() -> None:
    with announced(running(1)):
        assert running_organisms() == [running(1)]


def test_the_only_organism_is_the_one_that_is_meant() -> None:
    with announced(running(os.getpid(), 5)):
        assert locate(Target()) == ("http://127.0.0.1:5", "token 5")
        assert locate(Target(token="mine")) == ("http://127.0.0.1:5", "mine")


def test_where_none_runs_it_says_how_to_start_one() -> None:
    with pytest.raises(Unreachable, match="start one with `xml-pipeline run`"):
        locate(Target())


def test_of_several_the_one_below_the_working_directory_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    near = running(os.getpid(), 1, str(here / "config" / "organism.yaml"))
    with announced(near), announced(running(os.getppid(), 2)):
        with pytest.raises(Misused, match="several organisms") as refusal:
            locate(Target())
        assert "--url http://127.0.0.1:2  hello (/a/organism.yaml)" in refusal.value.message
        monkeypatch.chdir(here)
        assert locate(Target()) == (near.url, near.token)


def test_a_url_brings_its_token_if_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    with announced(running(os.getpid(), 5)):
        assert locate(Target(url="http://127.0.0.1:5/")) == ("http://127.0.0.1:5", "token 5")
        with pytest.raises(Misused, match="needs a token"):
            locate(Target(url="http://elsewhere:5"))
        monkeypatch.setenv("XML_PIPELINE_TOKEN", "theirs")
        assert locate(Target(url="http://elsewhere:5")) == ("http://elsewhere:5", "theirs")
        assert locate(Target(url="http://elsewhere:5", token="mine"))[1] == "mine"
