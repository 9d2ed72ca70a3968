"""`inject` sends many envelopes, and tells what became of each and of all."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tests.cli.conftest import Command
from tests.cli.shell import Shell

ENVELOPE = (
    '<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>me</from>'
    '<to>{to}</to><thread/></meta><Say xmlns=""><text>{text}</text></Say></message>'
)


def envelope(to: str = "echo", text: str = "hello") -> str:
    return ENVELOPE.format(to=to, text=text)


def rows(out: str) -> dict[str, int]:
    """Return the table of what became of how many."""
    lines = (line.rsplit(maxsplit=1) for line in out.splitlines()[1:])
    return {label: int(count.replace(",", "")) for label, count in lines}


MIXED = "\n".join(
    (
        envelope(),
        envelope("nobody"),
        envelope("fail"),
        envelope("keep_quiet"),
        envelope(text="<b/>"),
        "<broken",
        envelope(),
    )
)


def test_what_was_let_in_is_counted_and_what_was_not_is_told(
    command: Command, shared: Shell, organism: object
) -> None:
    file = shared.write("mixed.ndxml", MIXED)
    done = command("inject", str(file))
    assert done.code == 1
    assert rows(done.out) == {
        "accepted": 4,
        "fault: routing": 1,
        "fault: validation": 1,
        "unreadable: validation": 1,
        "in all": 7,
    }
    told = sorted(line.partition(": ")[0] for line in done.err.splitlines())
    assert told == [f"{file}:2", f"{file}:5", f"{file}:6"]


def test_what_was_waited_for_is_counted_by_how_it_ended(
    command: Command, shared: Shell, organism: object
) -> None:
    done = command("inject", str(shared.write("mixed.xml", MIXED)), "--wait", "30")
    assert done.code == 1
    assert rows(done.out) == {
        "answered": 2,
        "ended": 1,
        "fault: handler": 1,
        "fault: routing": 1,
        "fault: validation": 1,
        "unreadable: validation": 1,
        "in all": 7,
    }


def test_each_document_has_a_line_of_json_with_its_place(
    command: Command, shared: Shell, organism: object
) -> None:
    first = shared.write("first.xml", envelope())
    second = shared.write("second.xml", f"\n{envelope('fail')}")
    done = command("inject", str(first), str(second), "--wait", "30", "--json")
    assert done.code == 1
    by_file = {each["file"]: each for each in done.json_lines}
    answered, failed = by_file[str(first)], by_file[str(second)]
    assert (answered["line"], answered["fate"]) == (1, "answered")
    assert answered["payload"] == {"text": "hello", "times": 1}
    assert (failed["line"], failed["fate"], failed["code"]) == (2, "fault", "handler")
    assert failed["id"]
    assert rows(done.err) == {"answered": 1, "fault: handler": 1, "in all": 2}


def test_documents_are_sent_while_their_stream_goes_on(shared: Shell, organism: object) -> None:
    with shared.started("inject", "-", "--wait", "30", "--json") as injecting:
        stdin = injecting.process.stdin
        assert stdin is not None
        for text in ("one", "two"):
            stdin.write(envelope(text=text).encode())
            stdin.flush()
            assert json.loads(injecting.line(bool, "stdout"))["payload"]["text"] == text
        stdin.close()
        assert injecting.wait() == 0


def test_a_stream_that_is_waited_for_can_be_called_off(shared: Shell, organism: object) -> None:
    with shared.started("inject", "-", "--wait", "30", "--json") as injecting:
        stdin = injecting.process.stdin
        assert stdin is not None
        stdin.write(envelope().encode())
        stdin.flush()
        injecting.line(bool, "stdout")
        assert injecting.end(signal.SIGINT) == 130
        assert any(line.startswith("in all") for line in injecting.lines)


def test_a_file_is_taken_from_stdin_as_well(shared: Shell, organism: object) -> None:
    done = shared.run("inject", "-", stdin="\n".join([envelope()] * 100).encode())
    assert (done.code, rows(done.out)) == (0, {"accepted": 100, "in all": 100})


def test_a_thousand_are_sent_and_each_is_answered(
    command: Command, shared: Shell, organism: object
) -> None:
    documents = "\n".join(envelope(text=f"number {number}") for number in range(1_000))
    done = command("inject", str(shared.write("many.xml", documents)), "--wait", "60")
    assert (done.code, rows(done.out)) == (0, {"answered": 1_000, "in all": 1_000})


def test_failures_are_told_up_to_a_number(
    command: Command, shared: Shell, organism: object
) -> None:
    file = shared.write("bad.xml", "\n".join([envelope("nobody")] * 25))
    done = command("inject", str(file))
    assert rows(done.out) == {"fault: routing": 25, "in all": 25}
    assert len(done.err.splitlines()) == 10


def test_an_organism_of_its_own_takes_them_too(command: Command, shell: Shell) -> None:
    file = shell.write("some.xml", envelope() * 3)
    own = ("--organism", str(shell.organism), "--wait", "30")
    done = command("inject", str(file), *own)
    assert (done.code, rows(done.out)) == (0, {"answered": 3, "in all": 3})


def test_a_file_that_is_not_there_is_told_before_anything_is_sent(
    command: Command, shared: Shell, organism: object
) -> None:
    done = command("inject", str(shared.write("some.xml", envelope())), "none.xml")
    assert (done.code, done.out) == (2, "")
    assert "none.xml: there is no such file" in done.err


def test_a_file_that_cannot_be_read_does_not_stop_the_others(
    command: Command, shared: Shell, organism: object
) -> None:
    done = command("inject", "config", str(shared.write("some.xml", envelope())))
    assert done.code == 1
    assert "Is a directory" in done.err
    assert rows(done.out) == {"accepted": 1, "unreadable": 1, "in all": 2}


def test_a_document_without_an_end_is_told_and_the_rest_still_counts(
    command: Command, shared: Shell, organism: object
) -> None:
    file = shared.directory / "endless.xml"
    with file.open("wb") as opened:
        opened.write(f"{envelope()}\n<a>".encode())
        opened.seek(20 * 1024 * 1024, os.SEEK_CUR)
        opened.write(b"x")
    done = command("inject", str(file))
    assert done.code == 1
    assert done.err == f"{file}:2: a document of more than 16777216 bytes\n"
    assert rows(done.out) == {"accepted": 1, "unreadable": 1, "in all": 2}


def test_where_nothing_runs_nothing_is_sent(command: Command, shell: Shell) -> None:
    done = command("inject", str(shell.write("some.xml", envelope())))
    assert done.code == 3
    assert "no organism is running here" in done.err


def test_an_organism_that_goes_away_meanwhile_is_told(shell: Shell, tmp_path: Path) -> None:
    with shell.organism_running() as running, shell.started("inject", "-", "--json") as injecting:
        stdin = injecting.process.stdin
        assert stdin is not None
        stdin.write(envelope().encode())
        stdin.flush()
        injecting.line(bool, "stdout")
        running.end(signal.SIGKILL)
        stdin.write(envelope().encode())
        stdin.close()
        assert injecting.wait() == 3
        assert any("does not answer" in line for line in injecting.lines)
