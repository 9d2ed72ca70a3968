"""No tracked file knows where it was written, or from which host its packages came."""

from __future__ import annotations

import re

import pytest

from tests.house.source import ROOT, tracked

TRACES = {
    "a machine's path": re.compile(r"(?<![\w./-])/(?:work|root|home/\w+|Users/\w+)/|[A-Z]:\\Users"),
    "a registry's host": re.compile(
        r"\b(?:files\.pythonhosted|pypi|registry\.npmjs|registry\.yarnpkg|proxy\.golang)\.\w+", re.I
    ),
}


def traces(name: str, text: str) -> list[str]:
    """Return ``name:line: what`` for each trace in the text."""
    return [
        f"{name}:{number}: {what}"
        for number, line in enumerate(text.splitlines(), start=1)
        for what, pattern in TRACES.items()
        if pattern.search(line)
    ]


def test_no_tracked_file_carries_a_trace() -> None:
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in tracked()
    }
    assert [trace for name, text in texts.items() for trace in traces(name, text)] == []


@pytest.mark.parametrize(
    "words",
    [
        ("see ", "/wo", "rk/main/x.py"),
        ("cd '", "/ho", "me/ada/x'"),
        ("C:", "\\Users\\ada"),
        ("https://", "py", "pi.org/simple"),
        ("https://files.", "pythonhosted", ".org/packages"),
    ],
)
def test_a_trace_is_found(words: tuple[str, ...]) -> None:
    assert traces("x", "".join(words))


@pytest.mark.parametrize("text", ["docs/work/x", "https://x.org/root/", "the home/ada folder"])
def test_a_relative_path_is_no_trace(text: str) -> None:
    assert not traces("x", text)
