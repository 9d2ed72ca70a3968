"""`new` writes a project that works as it stands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.shell import Shell
from xml_pipeline.config import SCHEMA_FILE, YAML_HEADER, config_json_schema, load_config


def test_a_new_project_passes_its_own_check_and_its_own_tests(shell: Shell) -> None:
    made = shell.run("new", "hello")
    project = Shell(shell.directory / "hello", shell.home)
    assert made.code == 0
    assert {Path(line).name for line in made.out.splitlines()} >= {"organism.yaml", "README.md"}
    assert made.err == "Now: cd hello && xml-pipeline run\n"
    assert project.run("check").code == 0
    tested = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-m", "pytest", "-q", "-p", "no:asyncio"],
        cwd=project.directory,
        env=project.environment,
        capture_output=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout.decode()


def test_every_question_of_its_readme_is_answered(shell: Shell) -> None:
    readme = (shell.directory / "README.md").read_text()
    asked = [line.strip() for line in readme.splitlines() if " ask " in line]
    assert len(asked) == 3
    for line in asked:
        payload = line.split(" ", 3)[3].strip("'")
        done = shell.run("ask", "greeter", payload, "--organism", "config/organism.yaml")
        assert done.out == "<Greeted><text>HELLO, ADA!</text></Greeted>\n"


def test_editors_find_the_schema_of_its_organism(shell: Shell) -> None:
    text = (shell.directory / "config" / SCHEMA_FILE).read_text()
    assert json.loads(text) == config_json_schema()
    assert YAML_HEADER in shell.organism.read_text()


@pytest.mark.parametrize("name", ["plain", "With Spaces", 'quo"ted', "1", "yes"])
def test_a_project_has_the_name_of_its_directory(command: Command, shell: Shell, name: str) -> None:
    assert command("new", name).code == 0
    loaded = load_config(shell.directory / name / "config" / "organism.yaml")
    assert loaded.config.organism.name == name
    assert (shell.directory / name / "README.md").read_text().startswith(f"# {name}\n")


def test_an_empty_directory_may_be_used_but_no_other(command: Command, shell: Shell) -> None:
    (shell.directory / "empty").mkdir()
    assert command("new", "empty").code == 0
    done = command("new", "empty")
    assert done.code == 2
    assert "empty is there already, and not empty" in done.err
    assert command("new", "config/organism.yaml").code == 2
