"""Faults of the reference agent runtime that our tools do not have, by their numbers in its list.

As in ``test_reference_faults_of_agents``: here is one test for each, and ``ELSEWHERE`` names those
that prove more of it.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.flows.test_reference_faults_of_agents import tests_in
from tests.house.source import ROOT
from tests.tools.parts import Caller, calls, organism_of
from tests.tools.test_sandbox import running
from tests.tools.test_web import always, serving
from xml_pipeline.tools.bash import RunCommand
from xml_pipeline.tools.edit import EditFile
from xml_pipeline.tools.patch import PatchFiles
from xml_pipeline.tools.read import ReadFile
from xml_pipeline.tools.sandbox.offered import offered
from xml_pipeline.tools.todoread import ReadTodos
from xml_pipeline.tools.todos import TodoItem
from xml_pipeline.tools.todowrite import WriteTodos
from xml_pipeline.tools.webfetch import FetchPage
from xml_pipeline.tools.write import WriteFile

NUMBERS = (4, 5, 7, 36)

ELSEWHERE: Mapping[int, tuple[str, ...]] = {
    4: (
        "tests/tools/test_beneath.py::test_twenty_thousand_ways_out_lead_nowhere",
        "tests/tools/test_beneath.py::test_a_part_that_becomes_a_link_meanwhile_is_never_followed",
        "tests/tools/test_sandbox.py::test_there_is_no_way_out",
        "tests/tools/test_sandbox.py::test_nothing_is_left_running",
    ),
    5: (
        "tests/tools/test_web.py::test_no_way_of_writing_a_host_leads_to_this_machine",
        "tests/tools/test_web.py::test_a_name_that_means_another_address_the_next_time_leads_nowhere",
        "tests/tools/test_web.py::test_a_redirect_leads_nowhere_else",
    ),
    7: (
        "tests/tools/test_bash.py::test_the_next_command_begins_where_the_last_one_has_ended",
        "tests/tools/test_agents.py::test_two_agents_in_one_conversation_share_files_but_no_list_of_todos",
    ),
}
"""The tests that prove more of it, as pytest names them."""

enclosed = pytest.mark.skipif(offered().best is None, reason="nothing encloses commands here")


def test_each_fault_has_its_proof_and_each_proof_is_there() -> None:
    words = tests_in(Path(__file__)).values()
    here = {int(each) for said in words for each in re.findall(r"^(\d+): ", said)}
    assert sorted(here) == sorted(NUMBERS)
    named = [each.split("::") for proofs in ELSEWHERE.values() for each in proofs]
    assert [each for file, each in named if each not in tests_in(ROOT / file)] == []


@enclosed
async def test_files_are_of_the_workspace_and_commands_have_no_secret_and_leave_no_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4: file tools opened any path, commands had the environment, and children outlived them."""
    monkeypatch.setenv("API_KEY", "SECRET")
    secret, mark = tmp_path / "secret", f"9{secrets.randbelow(10**8)}"
    secret.write_text("SECRET")
    async with organism_of(tmp_path, "read", "write", "bash") as organism:
        told = await calls(
            organism,
            ("read", ReadFile(str(secret))),
            ("read", ReadFile("../../../../../secret")),
            ("write", WriteFile("../planted", "x")),
            ("bash", RunCommand("env; tr '\\0' '\\n' < /proc/$PPID/environ")),
            ("bash", RunCommand(f"cat {secret}")),
            ("bash", RunCommand(f"(setsid sleep {mark} &); sleep {mark}", 500)),
        )
    assert not any("SECRET" in text for each in told for text in each.fields.values())
    assert "it took longer than 0.5 seconds" in told[-1].error
    assert running(mark) == []
    assert [each.error.partition(" is ")[2] for each in told[:2]]


async def test_pages_of_this_machine_are_not_fetched(tmp_path: Path) -> None:
    """5: pages were fetched from internal addresses."""
    async with (
        serving(always(b"SECRET"), "127.0.0.1") as inside,
        organism_of(tmp_path, "webfetch") as organism,
    ):
        hosts = ("127.0.0.1", "localhost", "[::1]", "2130706433", "169.254.169.254")
        told = await calls(
            organism, *(("webfetch", FetchPage(inside.url("/", each))) for each in hosts)
        )
    assert all(each.error for each in told)
    assert not inside.asked


async def test_what_one_agent_has_read_and_noted_is_not_known_to_another(tmp_path: Path) -> None:
    """7: the instances of tools were shared: one folder, one list of todos, one read guard."""
    header = "workspace: {root: spaces, per: user}\nlisteners:\n"
    tools = ("read", "write", "todoread", "todowrite")
    one, other = Caller("one"), Caller("other")
    async with organism_of(tmp_path, *tools, header=header) as organism:
        await one.do(
            organism,
            ("write", WriteFile("f", "ours")),
            ("read", ReadFile("f")),
            ("todowrite", WriteTodos((TodoItem("mine"),))),
        )
        overwritten, todos, *_ = await other.do(
            organism, ("write", WriteFile("f", "theirs")), ("todoread", ReadTodos())
        )
    assert "read" in overwritten.error
    assert todos.text == "(nothing to do)"


@enclosed
async def test_a_changed_file_is_told_of_while_another_tool_is_still_busy(tmp_path: Path) -> None:
    """36: after each change tools waited half a minute for a language server, under one lock."""
    header = "workspace: {root: spaces, per: tenant}\nlisteners:\n"
    tools = ("bash", "write", "edit", "patch")
    patch = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-two\n+three\n"
    busy, quick = Caller("busy"), Caller("quick")
    async with organism_of(tmp_path, *tools, header=header) as organism:
        await quick.do(organism, ("write", WriteFile("g", "")))
        [space] = tmp_path.glob("spaces/*/files")  # noqa: ASYNC240  # it is there
        os.mkfifo(space / "held")
        waiting = asyncio.create_task(busy.do(organism, ("bash", RunCommand("cat held"))))
        with await asyncio.to_thread((space / "held").open, "w") as held:
            changed = await quick.do(
                organism,
                ("write", WriteFile("f", "one\n")),
                ("edit", EditFile("f", "one", "two")),
                ("patch", PatchFiles(patch)),
            )
            assert not waiting.done()
            held.write("released")
        [told] = await waiting
    assert all(each.text for each in changed)
    assert told.text == "released"
