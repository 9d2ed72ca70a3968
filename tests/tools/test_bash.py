"""A shell in the workspace, which goes on where it has stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.parts import Caller, calls, organism_of, tool
from xml_pipeline.tools.bash import RunCommand
from xml_pipeline.tools.sandbox.offered import offered

pytestmark = pytest.mark.skipif(offered().best is None, reason="nothing encloses commands here")


def bash(command: str, timeout: int = 60_000) -> tuple[str, RunCommand]:
    return "bash", RunCommand(command, timeout)


async def test_a_command_is_told_what_it_writes_and_an_exit_code_is_an_error(
    tmp_path: Path,
) -> None:
    async with organism_of(tmp_path, "bash") as organism:
        good, silent, bad, slow = await calls(
            organism,
            bash("echo out; echo err >&2; printf '\\e[1mbold\\e[0m \\x01'"),
            bash("true"),
            bash("echo before; exit 3"),
            bash("echo begun; sleep 100", 500),
        )
    assert good.text == "out\nerr\nbold \ufffd"
    assert silent.text == "(no output)"
    assert bad.error == "before\n(exit code: 3)"
    assert slow.error == "begun\n(ended: it took longer than 0.5 seconds)"


async def test_the_next_command_begins_where_the_last_one_has_ended(tmp_path: Path) -> None:
    one, other = Caller("one"), Caller("other")
    header = "workspace: {root: spaces, per: user}\nlisteners:\n"
    async with organism_of(tmp_path, "bash", header=header) as organism:
        *_, last = await one.do(
            organism, bash("mkdir -p a/b; cd a/b"), bash("cd /; false"), bash("basename $PWD")
        )
        [others] = await other.do(organism, bash("basename $PWD"))
    assert last.text == "b"
    assert others.text != "b"


async def test_a_folder_that_is_gone_is_begun_anew(tmp_path: Path) -> None:
    async with organism_of(tmp_path, "bash") as organism:
        *_, last = await calls(
            organism, bash("mkdir d; cd d"), bash("rmdir ../d"), bash("ls -d $HOME/* ; pwd")
        )
    assert "/d" not in last.fields.get("text", last.fields.get("message", ""))


async def test_nothing_of_the_environment_is_handed_on_unless_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "SECRET")
    monkeypatch.setenv("EDITION", "7")
    async with organism_of(tmp_path, tool("bash", "{environment: [EDITION, NONE]}")) as organism:
        [told] = await calls(organism, bash("env"))
    assert "EDITION=7" in told.text
    assert "SECRET" not in told.text
