"""The README gives two set-up commands, and `.ci/run` runs the second of them as it stands."""

from __future__ import annotations

import os
import re

import pytest

from tests.house.source import ROOT

RUN = "python -m pip install -e . && python -m xml_pipeline run config/organism.yaml"
TEST = 'python -m pip install -e ".[dev]" && python -m pytest'
CI = ROOT / ".ci" / "run"


def setup_commands(readme: str) -> list[str]:
    """Return every line of the text that installs this package in place."""
    lines = (re.sub(r"^[\s$>*`-]*(?:\d+\.\s+`?)?|`?\s*$", "", line) for line in readme.splitlines())
    return [line for line in lines if "pip install -e" in line]


def commands(script: str) -> list[str]:
    """Return the commands of a shell script, a line each."""
    lines = (line.strip() for line in script.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_the_readme_gives_exactly_the_two_setup_commands() -> None:
    assert setup_commands((ROOT / "README.md").read_text(encoding="utf-8")) == [RUN, TEST]


def test_ci_runs_exactly_what_the_readme_says() -> None:
    script = commands(CI.read_text(encoding="utf-8"))
    assert script.count(TEST) == 1
    assert [line for line in script if "pytest" in line or "pip " in line] == [TEST]


def test_ci_stops_at_the_first_failure_and_can_be_executed() -> None:
    first, second = CI.read_text(encoding="utf-8").splitlines()[0], commands(CI.read_text())[0]
    assert first == "#!/usr/bin/env bash"
    assert second == "set -euo pipefail"
    assert os.access(CI, os.X_OK)


@pytest.mark.parametrize(
    "readme",
    [
        "no command at all",
        f"```\n{RUN}\n```",
        f"```\n{RUN}\n{TEST} -x\n```",
        f"```\n{RUN}\n{TEST}\n```\nor\n```\npip install -e '.[all]'\n```",
    ],
)
def test_a_readme_with_other_commands_is_found(readme: str) -> None:
    assert setup_commands(readme) != [RUN, TEST]


@pytest.mark.parametrize("readme", [f"1. `{RUN}`\n2. `{TEST}`", f"```sh\n$ {RUN}\n$ {TEST}\n```"])
def test_the_two_commands_are_found_however_they_are_set(readme: str) -> None:
    assert setup_commands(readme) == [RUN, TEST]
