"""`run` on a terminal: what flows is shown, and lines are taken, until somebody has had enough."""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from types import MappingProxyType

import pytest

from tests.cli.shell import PATIENCE, PROGRAM, Shell

ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
COLOR = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
ROWS, COLUMNS = 40, 120


class Terminal:
    """A terminal with a process in it, seen from the side of the person."""

    def __init__(self, ours: int, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.written = ""
        self.hung_up = False
        self._ours = ours
        self._known = 0  # characters of what was shown that somebody has waited for
        self._coming: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def shows(self, words: str) -> str:
        """Wait until these words are shown; return all that was since the last ones."""
        until = time.monotonic() + PATIENCE
        while words not in (shown := ANSI.sub("", self.written)[self._known :]):
            try:
                self.written += self._coming.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                raise AssertionError(f"{words!r} is not shown:\n{shown[-3_000:]}") from None
        end = shown.index(words) + len(words)
        self._known += end
        return shown[:end]

    def ends(self) -> int:
        """Return the exit code."""
        return self.process.wait(PATIENCE)

    def hang_up(self) -> None:
        """Close the window."""
        self.hung_up = True
        os.close(self._ours)

    def _read(self) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        with suppress(OSError):  # nobody has the other side open any more
            while chunk := os.read(self._ours, 65_536):
                self._coming.put(decode(chunk))


@contextmanager
def terminal(
    shell: Shell,
    *arguments: str,
    variables: Mapping[str, str] = MappingProxyType({}),
    log: Path | None = None,
) -> Iterator[Terminal]:
    """Run a command in a terminal of its own; its stderr may go to a file."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    inherited = {
        key: value
        for key, value in shell.environment.items()
        if key not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
    }
    with open(log or os.devnull, "wb") as elsewhere:
        process = subprocess.Popen(
            ["setsid", "--ctty", *PROGRAM, *arguments],
            cwd=shell.directory,
            env={**inherited, "TERM": "xterm-256color", **variables},
            stdin=theirs,
            stdout=theirs,
            stderr=elsewhere if log else theirs,
        )
    before = termios.tcgetattr(theirs)
    with process:
        try:
            screen = Terminal(ours, process)
            yield screen
            if not screen.hung_up:
                assert termios.tcgetattr(theirs) == before, "the terminal was not put back"
        finally:
            process.kill()
            os.close(theirs)


def test_lines_are_answered_and_what_flows_is_counted(shell: Shell) -> None:
    with terminal(shell, "run") as screen:
        screen.shows("1 messages")
        screen.type("@greeter Ada\n")
        screen.shows("> @greeter Ada")
        screen.shows("greeter: HELLO, ADA!")
        screen.shows("5 messages")
        screen.type('@add {"left": 1, "right": 2}\n')
        screen.shows("<text>3</text>")
        screen.type("@echo <Say><text>as XML</text></Say>\n")
        screen.shows("<text>as XML</text>")
        screen.shows("greeter → shouter  Shout")
        screen.type("\x03")
        assert screen.ends() == 130


def test_a_line_is_edited_where_it_is_shown(shell: Shell) -> None:
    with terminal(shell, "run") as screen:
        screen.shows("> ")
        screen.type("@gre\tBbo\x1b[D\x1b[D\x7fo")
        screen.shows("> @greeter obo")
        screen.type("\x01\x15\x05\x15@shouter low")
        screen.shows("> @shouter low")
        screen.type("\n")
        screen.shows("shouter: LOW")
        screen.type("\x1b[A er\n")
        screen.shows("shouter: LOW ER")
        screen.type("\x04")
        assert screen.ends() == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hello", "write @listener and a payload"),
        ("@add", "write @listener and a payload"),
        ("@add x", "add accepts Pair: no payload of one text"),
        ("@nobody x", "There is no such listener."),
        ("@fail on purpose", "(handler, fault "),
        ("@keep_quiet x", "keep_quiet: ended"),
    ],
)
def test_a_line_that_leads_to_nothing_is_told_why(shell: Shell, line: str, words: str) -> None:
    with terminal(shell, "run", "--no-server") as screen:
        screen.shows("not served")
        screen.type(f"{line}\n")
        screen.shows(words)
        screen.type("\x04")
        assert screen.ends() == 0


def test_faults_and_logs_are_shown_with_their_thread(shell: Shell) -> None:
    with terminal(shell, "run") as screen:
        screen.shows("0 faults")
        screen.type("@fail on purpose\n")
        screen.shows("ValueError: on purpose")
        screen.shows("1 faults")
        screen.shows("handler http:operator → fail")
        screen.type("@echo aloud\n")
        screen.shows("echoing aloud listener=echo message=1 thread=")
        screen.type("\x04")
        assert screen.ends() == 0


def test_a_pause_and_a_reload_are_shown(shell: Shell) -> None:
    with terminal(shell, "run") as screen:
        screen.shows("0 faults")
        shell.run("pause", "echo")
        screen.shows("echo (paused)")
        text = shell.organism.read_text()
        shell.organism.write_text(text.replace("To echo.", "Echoes."))
        screen.shows("reloaded: changed echo")
        shell.organism.write_text(text.replace("play:echo", "play:eco"))
        screen.shows("not reloaded: ")
        screen.type("\x03")
        assert screen.ends() == 130


def test_a_second_signal_gives_the_terminal_back_as_well(shell: Shell) -> None:
    with terminal(shell, "run", "--grace", "3600") as screen:
        screen.shows("0 faults")
        screen.type("@take_for_ever x\n")
        screen.shows("busy")
        screen.type("\x03")
        screen.shows("stopping")
        screen.type("\x03")
        assert screen.ends() == 130


def test_a_suspended_process_takes_the_terminal_again(shell: Shell) -> None:
    with terminal(shell, "run") as screen:
        screen.shows("0 faults")
        screen.process.send_signal(signal.SIGSTOP)
        screen.process.send_signal(signal.SIGCONT)
        screen.type("@greeter Ada\n")
        screen.shows("greeter: HELLO, ADA!")
        screen.type("\x04")
        assert screen.ends() == 0


def test_a_log_that_goes_to_a_file_is_json_there_and_not_on_the_screen(shell: Shell) -> None:
    log = shell.directory / "log"
    with terminal(shell, "run", log=log) as screen:
        screen.shows("0 faults")
        screen.type("@echo aloud\n")
        screen.shows("<text>aloud</text>")
        screen.type("\x04")
        assert screen.ends() == 0
        assert "echoing" not in screen.written
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert {"running", "message", "echoing aloud", "stopped"} <= set(events)


def test_a_closed_window_ends_it_in_order(shell: Shell) -> None:
    with terminal(shell, "run") as screen:
        screen.shows("0 faults")
        screen.hang_up()
        assert screen.ends() == 0
        assert not [*shell.state.glob("*.json")]


@pytest.mark.parametrize(("variables", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colors_are_used_unless_they_are_not_wanted(
    shell: Shell, variables: dict[str, str], colored: bool
) -> None:
    with terminal(shell, "run", variables=variables) as screen:
        screen.shows("0 faults")
        screen.type("@fail x\n")
        screen.shows("1 faults")
        screen.type("\x04")
        assert screen.ends() == 0
        assert bool(COLOR.search(screen.written)) is colored


def test_a_terminal_that_cannot_draw_gets_lines_of_json(shell: Shell) -> None:
    with terminal(shell, "run", variables={"TERM": "dumb"}) as screen:
        screen.shows('"event": "running"')
        screen.type("\x03")
        assert screen.ends() == 130


def test_control_characters_of_messages_do_not_reach_the_terminal(shell: Shell) -> None:
    with terminal(shell, "run") as screen:
        screen.shows("0 faults")
        shell.run("ask", "echo", "\x9b31mred")
        screen.shows("echoing \\x9b31mred")
        screen.type("\x04")
        assert screen.ends() == 0
        assert "\x9b" not in screen.written


def test_progress_is_shown_while_documents_are_sent(shell: Shell) -> None:
    envelope = (
        '<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>x</from>'
        '<to>echo</to><thread/></meta><Say xmlns=""><text>a</text></Say></message>\n'
    )
    file = shell.write("some.xml", envelope * 50)
    with terminal(shell, "inject", str(file), "--organism", str(shell.organism)) as screen:
        seen = screen.shows("in all")
        assert "50 documents" in seen
        assert "100%" in seen
        assert screen.ends() == 0
