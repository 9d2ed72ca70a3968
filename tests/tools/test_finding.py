"""Files are found by their paths, folders and lines; nothing outside, and nothing for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.parts import Told, calls, organism_of
from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.glob import FindFiles
from xml_pipeline.tools.grep import SearchFiles
from xml_pipeline.tools.list import ListFiles
from xml_pipeline.tools.patterns import alternatives, fits_name, fits_path

FOUND = ["src/deep/c.txt:1: import c", "a.py:1: import os"]
HEADER = "workspace: {root: spaces, per: tenant, template: start}\nlisteners:\n"
FILES = {
    "a.py": "import os\nprint('a')\n",
    "src/b.py": "x = 1\nIMPORT = 2\n",
    "src/deep/c.txt": "import c\n",
    "src/deep/d.o": "import o\n",
    ".hidden/e.py": "import e\n",
    "node_modules/f.js": "import f\n",
    "src/__pycache__/g.py": "import g\n",
    "bin": "\0\1\2import",
}


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """What the workspace begins with, with a link that leads out of it."""
    for name, text in FILES.items():
        file = tmp_path / "start" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.py").write_text("import secret\n")
    (tmp_path / "start" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "start" / "one.py").symlink_to(tmp_path / "outside" / "secret.py")
    return tmp_path / "start"


async def found(folder: Path, tool: str, payload: object) -> Told:
    async with organism_of(folder, "glob", "grep", "list", header=HEADER) as organism:
        [told] = await calls(organism, (tool, payload))
    return told


@pytest.mark.parametrize(
    ("wanted", "paths"),
    [
        (FindFiles("**/*.py"), ["a.py", "src/b.py"]),
        (FindFiles("*"), ["bin", "a.py"]),
        (FindFiles("src/**/*.{txt,py}"), ["src/b.py", "src/deep/c.txt"]),
        (FindFiles("**/[a-c].*", "src"), ["src/b.py", "src/deep/c.txt"]),
        (FindFiles("**/secret*"), ["(no file fits)"]),
        (FindFiles("*.rs"), ["(no file fits)"]),
    ],
)
async def test_files_are_found_by_a_pattern_the_shortest_first(
    tmp_path: Path, start: Path, wanted: FindFiles, paths: list[str]
) -> None:
    assert (await found(tmp_path, "glob", wanted)).text.split("\n") == paths


async def test_of_very_many_files_a_hundred_are_told(tmp_path: Path, start: Path) -> None:
    for number in range(130):
        (start / f"{number}.log").write_text("one\ntwo\n")
    glob = await found(tmp_path, "glob", FindFiles("*.log"))
    assert glob.text.endswith("(30 more: say more of them)")
    grep = await found(tmp_path, "grep", SearchFiles("two", include="*.log"))
    assert grep.text.endswith("(more than 100: say more of what is looked for)")
    assert grep.text.count("\n") == 100


async def test_a_folder_is_listed_as_a_tree(tmp_path: Path, start: Path) -> None:
    told = await found(tmp_path, "list", ListFiles())
    assert told.text.split("\n") == [
        *("./", "  src/", "    deep/", "      c.txt", "    b.py", "  a.py", "  bin")
    ]
    told = await found(tmp_path, "list", ListFiles("src", ("deep",)))
    assert told.text == "src/\n  b.py"
    assert (await found(tmp_path, "list", ListFiles("none"))).error == "there is no none"
    assert "links are not followed" in (await found(tmp_path, "list", ListFiles("link"))).error


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        (SearchFiles("^import [c-z]", include="*.{txt,py}"), FOUND),
        (
            SearchFiles("(?i)import .", include="*.py"),
            ["src/b.py:2: IMPORT = 2", "a.py:1: import os"],
        ),
        (SearchFiles("('", literal=True), ["a.py:2: print('a')"]),
        (SearchFiles("x", "src", "deep/*"), ["(no line matches)"]),
        (SearchFiles("x", "src/b.py"), ["src/b.py:1: x = 1"]),
        (SearchFiles("-e", literal=True), ["(no line matches)"]),
    ],
)
async def test_lines_are_found_by_an_expression(
    tmp_path: Path, start: Path, wanted: SearchFiles, lines: list[str]
) -> None:
    told = (await found(tmp_path, "grep", wanted)).text.split("\n")
    assert [each for each in told if not each.startswith("bin:")] == lines


async def test_what_is_no_expression_is_told(tmp_path: Path, start: Path) -> None:
    assert "cannot be looked for" in (await found(tmp_path, "grep", SearchFiles("("))).error


BAD = ("(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){12}$", "^(a?){30}a{30}$", "([a-z]+)*$", "(x+x+)+y")


@pytest.mark.parametrize("pattern", BAD)
async def test_no_expression_takes_for_ever(tmp_path: Path, start: Path, pattern: str) -> None:
    (start / "long").write_text("a" * 50_000 + "!\n" + "x" * 50_000 + "\n")
    assert (await found(tmp_path, "grep", SearchFiles(pattern, "long"))).kind == "LinesFound"


# ── Patterns ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("abc", "a*c", True),
        ("abc", "a?c", True),
        ("abc", "a*d", False),
        ("a", "[!b]", True),
        ("b", "[!b]", False),
        ("-", "[a-]", True),
        ("]", "[]]", True),
        ("[", "[", True),
        ("", "*", True),
        ("abcabc", "*abc", True),
        ("b", "[a-c]*", True),
    ],
)
def test_a_name_fits_a_pattern(name: str, pattern: str, fits: bool) -> None:
    assert fits_name(name, pattern) == fits


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_names_fit_as_with_a_plain_recursion(pattern: str, name: str) -> None:
    def plain(pattern: str, name: str) -> bool:
        if not pattern:
            return not name
        if pattern[0] == "*":
            return plain(pattern[1:], name) or (bool(name) and plain(pattern, name[1:]))
        return bool(name) and pattern[0] in ("?", name[0]) and plain(pattern[1:], name[1:])

    assert fits_name(name, pattern) == plain(pattern, name)


def test_a_pattern_that_a_backtracker_never_ends_with_ends() -> None:
    assert not fits_name("a" * 5000, "*a" * 200 + "b")
    assert not fits_path(["a"] * 200, ["**", "a"] * 100 + ["b"])


def test_alternatives_are_bounded() -> None:
    assert alternatives("{a,b}.{c,d}") == ["a.c", "a.d", "b.c", "b.d"]
    assert alternatives("{a") == ["{a"]
    with pytest.raises(ToolFailed, match="at most 64"):
        alternatives("{a,b}" * 10)
    with pytest.raises(ToolFailed, match="500"):
        alternatives("a" * 501)
