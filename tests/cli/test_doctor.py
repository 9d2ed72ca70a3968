"""``doctor`` tells what a machine offers."""

from __future__ import annotations

import json

from click.testing import CliRunner

from xml_pipeline.cli.commands.doctor import doctor, signs
from xml_pipeline.tools.sandbox.offered import Offered


def told(found: Offered) -> dict[str, tuple[bool, str]]:
    return {each.name: (each.well, each.text) for each in signs(found)}


def test_a_machine_that_has_everything_is_well() -> None:
    found = told(Offered("/usr/bin/bwrap", "", 7, seccomp=True))
    assert all(well for well, _ in found.values())
    assert found["shell tools"] == (True, "enclosed by bubblewrap")


def test_a_machine_that_has_nothing_refuses_shell_tools_and_says_why() -> None:
    found = told(Offered("", "bwrap: no permission", 7, seccomp=False, as_root=True))
    assert not any(well for well, _ in found.values())
    assert found["bubblewrap"] == (False, "bwrap: no permission")
    assert "this is the user 0" in found["landlock"][1]
    assert "sandbox: none" in found["shell tools"][1]


def test_what_is_found_here_is_printed_line_by_line() -> None:
    lines = CliRunner().invoke(doctor, ["--json"]).output.splitlines()
    assert [json.loads(each)["name"] for each in lines] == [
        *("bubblewrap", "landlock", "seccomp", "shell tools")
    ]
    assert len(CliRunner().invoke(doctor, []).output.splitlines()) == 4
