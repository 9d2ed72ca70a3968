"""A line typed into a raw terminal is edited as people are used to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xml_pipeline.cli.line_editor import MOST_LINES, LineEditor

UP, DOWN, RIGHT, LEFT, HOME, END = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[H", "\x1b[F"


def typed(keys: str, editor: LineEditor | None = None) -> list[str | None]:
    return list((editor or LineEditor()).feed(keys.encode()))


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("@a text\n", "@a text"),
        ("ab\x7fc\n", "ac"),
        ("\x7f\x08a\n", "a"),
        (f"ac{LEFT}b\n", "abc"),
        (f"ac{LEFT}b{RIGHT}{RIGHT}d\n", "abcd"),
        (f"bc{HOME}a{END}d\n", "abcd"),
        ("bc\x01a\x05d\n", "abcd"),
        ("one two \x17three\n", "one three"),
        ("gone\x15here\n", "here"),
        (f"gone here{LEFT}{LEFT}{LEFT}{LEFT}\x15\n", "here"),
        ("a\x1b[1;5Cb\x1bOPc\x1bxd\x00e\n", "abcde"),
        ("äöü😀\n", "äöü😀"),
        ("a\x04b\r", "ab"),
    ],
)
def test_keys_do_what_people_are_used_to(keys: str, line: str) -> None:
    assert typed(keys) == [line]


def test_several_lines_may_come_at_once() -> None:
    assert typed("a\nb\n\nc") == ["a", "b", ""]


def test_an_end_of_file_counts_on_an_empty_line_only() -> None:
    assert typed("\x04") == [None]
    assert typed("a\x04\n\x04") == ["a", None]


def test_keys_may_come_in_pieces() -> None:
    editor = LineEditor()
    pieces = [b"a\xc3", b"\xa4c\x1b", b"[", b"D\x1b[1;", b"5Cb\n"]
    assert [line for piece in pieces for line in editor.feed(piece)] == ["aäbc"]


def test_earlier_lines_come_back_with_the_arrow_keys() -> None:
    editor = LineEditor()
    typed("one\ntwo\ntwo\n \n", editor)
    assert typed(f"{UP}\n", editor) == ["two"]
    assert typed(f"{UP}{UP}{UP}\n", editor) == ["one"]
    assert typed(f"{UP}{UP}{DOWN}!\n", editor) == ["one!"]
    assert typed(f"{UP}{DOWN}x\n", editor) == ["x"]


def test_only_so_many_lines_are_remembered() -> None:
    editor = LineEditor()
    typed("".join(f"{number}\n" for number in range(MOST_LINES + 50)), editor)
    assert typed(f"{UP * 500}\n", editor) == ["50"]


def test_the_tab_key_completes_what_can_mean_one_thing_only() -> None:
    names = ("@greeter", "@grinder")
    editor = LineEditor(lambda begun: (name for name in names if name.startswith(begun)))
    assert typed("@gr\te\tAda\n", editor) == ["@greeter Ada"]


@given(st.lists(st.sampled_from(["a", "é", " ", "\x7f", "\x17", "\t", UP, DOWN, LEFT, END, "\n"])))
def test_the_cursor_never_leaves_the_line(keys: list[str]) -> None:
    editor = LineEditor()
    for key in keys:
        typed(key, editor)
        assert 0 <= editor.cursor <= len(editor.text)
