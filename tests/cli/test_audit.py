"""`run` keeps an audit log, and `audit verify` tells whether it is as it was written."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.audit.logs import actions, entries, told, written
from tests.cli.conftest import Command
from tests.cli.shell import Shell
from xml_pipeline.audit.places import head_of
from xml_pipeline.audit.trail import Trail


def logs(shell: Shell) -> list[Path]:
    return sorted((shell.state / "audit").glob("*.jsonl"))


def test_what_is_done_to_a_running_organism_is_in_its_log(shell: Shell, command: Command) -> None:
    with shell.organism_running() as running:
        for order in (("pause", "echo"), ("resume", "echo"), ("kill", "--all"), ("reload",)):
            assert command(*order).code == 0
        assert command("audit", "verify").code == 0
        assert running.told("reloaded")
        running.send(signal.SIGHUP)
        assert running.told("reloaded")
        text = shell.organism.read_text()
        shell.organism.write_text(text.replace("To echo.", "Echoes."))
        assert running.told("reloaded", changed=["echo"])
        assert running.end() == 143
    [log] = logs(shell)
    assert log.name.startswith("play-")
    assert actions(log)[:5] == ["start", "pause", "resume", "kill_all", "reload"]
    assert actions(log)[-1] == "stop"
    assert {actor for actor, _ in told(log, "pause")} == {"http:operator"}
    assert [actor for actor, _ in told(log, "reload")] == [
        "http:operator",
        "signal",
        "changed file",
    ]
    verified = command("audit", "verify")
    assert (verified.code, verified.err) == (0, "")
    assert f"{len(entries(log))} entries, as they were written" in verified.out


def test_the_next_run_goes_on_in_the_same_log_and_one_beside_it_has_its_own(
    shell: Shell, command: Command
) -> None:
    text = shell.organism.read_text()
    shell.organism.write_text(f"backend: {{type: memory}}\n{text}")
    with shell.organism_running() as running:
        with shell.organism_running() as other:
            assert other.end() == 143
        assert running.end() == 143
    with shell.organism_running() as running:
        assert running.end() == 143
    counts = sorted(actions(log).count("start") for log in logs(shell))
    assert counts == [1, 2]
    assert command("audit", "verify").code == 0


def test_a_file_may_name_another_place_or_none(shell: Shell, command: Command) -> None:
    text = shell.organism.read_text()
    for audit in ("{path: here.jsonl}", "{enabled: false}"):
        shell.organism.write_text(f"audit: {audit}\n{text}")
        with shell.organism_running() as running:
            assert running.end() == 143
    assert logs(shell) == []
    assert actions(shell.organism.parent / "here.jsonl") == ["start", "stop"]
    assert command("audit", "verify", "config/here.jsonl").code == 0


def test_where_nothing_can_be_written_it_runs_without_and_says_so(shell: Shell) -> None:
    shell.home.touch()
    with shell.organism_running() as running:
        assert any("no audit log is kept" in line for line in running.lines)
        assert running.end() == 143


def test_a_log_that_was_tampered_with_stops_the_next_run(shell: Shell) -> None:
    with shell.organism_running() as running:
        assert running.end() == 143
    [log] = logs(shell)
    log.write_bytes(log.read_bytes()[:-5] + b"0000\n")
    refused = shell.run("run")
    assert refused.code == 1
    assert "its last line has been changed; move it away" in refused.err


@pytest.fixture
def log(shell: Shell, command: Command) -> Path:
    """Give a log of the account that runs the command."""
    file, trail = shell.state / "audit" / "house-1.jsonl", Trail()
    trail.begin(file, head_of(file))
    for number in range(3):
        trail.order("ada", "kill", {"thread": f"t{number}"})
    trail.end()
    return file


def test_verify_names_each_line_that_is_not_as_it_was_written(log: Path, command: Command) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + lines[1].replace(b"t1", b"t7") + lines[2])
    found = command("audit", "verify")
    assert found.code == 1
    assert [
        line.removeprefix(f"{log}:").partition(": ")[::2] for line in found.out.splitlines()
    ] == [
        ("2", "is not as it was written"),
        ("3", "is not entry 2: a line is missing, moved or changed before it"),
    ]
    assert found.err == f"{log} is not as it was written.\n"


def test_verify_misses_what_was_cut_off(log: Path, command: Command) -> None:
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:2]))
    found = command("audit", "verify", str(log), "--json")
    assert found.code == 1
    said = found.json
    assert (said["intact"], said["entries"], said["problems"][0]["line"]) == (False, 2, 2)
    assert "entry 3, with hash" in said["problems"][0]["text"]


def test_verify_looks_for_a_hash_that_was_noted_down(
    log: Path, command: Command, tmp_path: Path
) -> None:
    noted = entries(log)[1]["hash"]
    assert command("audit", "verify", str(log), "--head", noted).code == 0
    assert command("audit", "verify", str(log), "--head", "0" * 64).code == 1
    elsewhere, _ = written(tmp_path)
    assert json.loads(command("audit", "verify", str(elsewhere), "--json").out)["intact"]


def test_verify_says_where_there_is_no_log(command: Command) -> None:
    assert command("audit", "verify").code == 3
    missing = command("audit", "verify", "none.jsonl")
    assert (missing.code, missing.err) == (2, "Error: none.jsonl: No such file or directory\n")


@pytest.mark.parametrize(
    "arguments", [(), ("t", "--all"), ("t", "--listener", "a"), ("--all", "--tenant", "t")]
)
def test_kill_wants_to_know_what_to_stop(command: Command, arguments: tuple[str, ...]) -> None:
    refused = command("kill", *arguments)
    assert refused.code == 2
    assert "say what to stop: a thread, --listener, --tenant or --all" in refused.err
