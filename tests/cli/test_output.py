"""What is printed does no harm to a terminal, and no less to a pipe than it should."""

from __future__ import annotations

import json
import os
import pty
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xml_pipeline.cli.output import print_json, print_result, print_table, printable, remark

CONTROLS = "\x1b[31m \x9b31m \x07 \x00 \u202e"


@given(st.text())
def test_printable_text_has_no_control_characters(text: str) -> None:
    shown = printable(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown if char not in "\t\n")
    assert shown == text or len(shown) > len(text)


def test_controls_are_shown_for_what_they_are() -> None:
    assert printable(CONTROLS) == r"\x1b[31m \x9b31m \x07 \x00 \u202e"
    assert printable("a\tb\nc ü → 😀") == "a\tb\nc ü → 😀"


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> str:
    """Return what is written to a terminal that is stdout."""
    ours, theirs = pty.openpty()
    with open(theirs, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        act()
        terminal.flush()
        monkeypatch.undo()
        written = os.read(ours, 65_536).decode()
    os.close(ours)
    return written


def test_results_reach_a_pipe_as_they_are_and_a_terminal_harmless(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_result("\x9b31m")
    assert capsys.readouterr().out == "\x9b31m\n"
    assert on_a_terminal(monkeypatch, lambda: print_result("\x9b31m")) == "\\x9b31m\r\n"


def test_json_is_one_harmless_line_that_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"text": CONTROLS, "ü": [1, None]})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"text": CONTROLS, "ü": [1, None]}
    assert printable(printed) == printed
    assert printed.count("\n") == 1


def test_remarks_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    remark("\x9b")
    assert capsys.readouterr() == ("", "\\x9b\n")


def test_a_table_in_a_pipe_is_never_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a", "b"), [("x" * 500, "y"), ("\x9b", "[bold]z")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["a", "b"], ["x" * 500, "y"], ["\\x9b", "[bold]z"]]
    assert all(line == line.rstrip() for line in lines)


def test_a_table_may_be_no_result(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a",), [("b",)], err=True)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "a\nb\n")


def test_a_table_on_a_terminal_is_drawn_and_fits_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")
    written = on_a_terminal(monkeypatch, lambda: print_table(("a", "b"), [("x\x9b", "y" * 60)]))
    assert "─" in written
    assert "x\\x9b" in written
    assert "\x9b" not in written
    assert written.count("y") == 60
    assert "y" * 40 not in written
