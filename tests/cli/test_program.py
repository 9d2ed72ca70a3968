"""The program itself: what it offers, how quickly it comes up, how it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

import xml_pipeline
from tests.cli.conftest import Command
from tests.cli.shell import Shell
from xml_pipeline.cli.program import COMMANDS, Deferred, program

HEAVY = ("aiostream", "httpx", "lxml", "pydantic", "rich", "starlette", "structlog", "yaml")
NAMES = [name for commands in COMMANDS.values() for name in commands]


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command_under_a_title(command: Command, option: str) -> None:
    done = command(option)
    assert done.code == 0
    for title, commands in COMMANDS.items():
        assert f"{title}:\n" in done.out
        for name, (_, about) in commands.items():
            assert f"  {name} " in done.out
            assert about in done.out


@pytest.mark.parametrize("name", NAMES)
def test_a_command_says_of_itself_what_the_program_says_of_it(name: str) -> None:
    deferred = program.commands[name]
    assert isinstance(deferred, Deferred)
    itself = deferred.load()
    assert itself.name == name
    assert itself.get_short_help_str(200) == deferred.get_short_help_str(200)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_of_its_own(command: Command, name: str) -> None:
    done = command(name, "--help")
    assert done.code == 0
    assert f"Usage: xml-pipeline {name} " in done.out


@pytest.mark.parametrize("arguments", ["--help", "version", "nonsense"])
def test_nothing_heavy_is_loaded_for_what_does_not_need_it(shell: Shell, arguments: str) -> None:
    code = (
        "import sys\nfrom xml_pipeline.cli.entry import exit_code\n"
        f"exit_code([{arguments!r}])\n"
        f"print('loaded', sorted({HEAVY!r} & sys.modules.keys()), file=sys.stderr)"
    ).replace(f"{HEAVY!r}", f"set({HEAVY!r})")
    done = subprocess.run(
        [sys.executable, "-c", code], env=shell.environment, capture_output=True, check=True
    )
    loaded = {"version": "['rich']"}.get(arguments, "[]")
    assert done.stderr.decode().splitlines()[-1] == f"loaded {loaded}"


def test_the_module_is_the_program(shell: Shell) -> None:
    done = shell.run("version")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"xml-pipeline {xml_pipeline.__version__}\n")


def test_version_tells_what_the_package_stands_on(command: Command) -> None:
    versions = command("version", "--json").json
    assert versions["xml-pipeline"] == xml_pipeline.__version__
    assert versions.keys() >= {"python", "aiostream", "lxml"}


def test_a_wrong_command_is_told_on_stderr_with_what_may_have_been_meant(shell: Shell) -> None:
    done = shell.run("chek")
    assert (done.code, done.out) == (2, "")
    assert "check" in done.err


def test_a_reader_who_has_had_enough_is_no_error_to_talk_about(shell: Shell) -> None:
    reading, writing = subprocess.PIPE, subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-m", "xml_pipeline", "schema", "config"],
        cwd=shell.directory,
        env=shell.environment,
        stdout=reading,
        stderr=writing,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("bash", "data/bash-completion/completions/xml-pipeline"),
        ("zsh", "data/zsh/site-functions/_xml-pipeline"),
        ("fish", "config/fish/completions/xml-pipeline.fish"),
    ],
)
def test_completion_is_put_where_the_shell_looks_for_it(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, file: str
) -> None:
    monkeypatch.setenv("SHELL", f"/bin/{name}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    done = command("--install-completion")
    assert done.code == 0
    assert done.out.startswith(f"{tmp_path / file}\n")
    assert "_XML_PIPELINE_COMPLETE" in (tmp_path / file).read_text()


@pytest.mark.parametrize("name", ["", "/bin/tcsh"])
def test_completion_for_another_shell_is_refused(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SHELL", name)
    done = command("--install-completion")
    assert done.code == 1
    assert "bash, zsh and fish" in done.err


def test_the_shell_is_offered_commands_and_their_options(shell: Shell) -> None:
    def offered(words: str) -> set[str]:
        variables = {
            "_XML_PIPELINE_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        prompt = Shell(shell.directory, shell.home, variables)
        return {line.partition(",")[2] for line in prompt.run().out.splitlines()}

    assert offered("xml-pipeline re") == {"reload", "replay", "resume"}
    assert offered("xml-pipeline ask --org") == {"--organism"}
    assert offered("xml-pipeline schema pay") == {"payload"}


def test_an_interrupt_is_told_by_the_exit_code(command: Command) -> None:
    @click.command()
    def interrupted() -> None:
        raise KeyboardInterrupt

    program.add_command(interrupted)
    try:
        assert command("interrupted").code == 130
    finally:
        del program.commands["interrupted"]
