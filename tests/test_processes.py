"""A process is said to be dead only where that is certain."""

from __future__ import annotations

import subprocess
import sys

import pytest

from xml_pipeline.processes import has_died, this_process

TELL = "from xml_pipeline.processes import this_process; print(this_process(), flush=True); input()"


def told_by_another() -> tuple[subprocess.Popen[str], str]:
    """Start a process; return it, and what it tells of itself."""
    command = [sys.executable, "-c", TELL]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_process_that_lives_is_not_dead() -> None:
    process, told = told_by_another()
    with process:
        assert told != this_process() != ""
        assert not has_died(told)
        process.kill()
    assert has_died(told)


def test_a_process_that_nobody_has_buried_is_dead_all_the_same() -> None:
    process, told = told_by_another()
    with process:
        process.kill()
        assert process.stdout is not None
        assert process.stdout.read() == ""  # It has ended; its exit code waits to be asked for.
        while not has_died(told):
            assert process.returncode is None


def test_another_process_of_the_same_number_is_another_one() -> None:
    place, pid, started = this_process().rsplit(" ", 2)
    assert not has_died(f"{place} {pid} {started}")
    assert has_died(f"{place} {pid} {int(started) - 1}")


@pytest.mark.parametrize("said", ["", "x", "1 2 3", None, 7, ["a"]])
def test_what_tells_of_no_process_here_is_not_judged(said: object) -> None:
    assert not has_died(said)


@pytest.mark.parametrize("pid", ["0", "-1", "one", "9999999999", ""])
def test_what_is_no_number_of_a_process_is_not_judged(pid: str) -> None:
    place, _, started = this_process().rsplit(" ", 2)
    assert not has_died(f"{place} {pid} {started}")
    assert not has_died(f"elsewhere {pid} {started}")


def test_a_process_of_another_boot_is_not_judged() -> None:
    _, pid, _ = this_process().rsplit(" ", 2)
    assert not has_died(f"another-boot pid:[1] {pid} 1")
