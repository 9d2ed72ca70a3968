"""A patch is applied where its lines are found: all of it, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.parts import Told, calls, organism_of
from xml_pipeline.tools.patch import PatchFiles
from xml_pipeline.tools.read import ReadFile

HEADER = "workspace: {root: spaces, per: tenant, template: start}\nlisteners:\n"
ORIGINAL = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n"


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """What the workspace begins with."""
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "a.txt").write_text(ORIGINAL)
    (tmp_path / "start" / "b.txt").write_text("alpha\nbeta\n")
    return tmp_path / "start"


async def patched(folder: Path, text: str, *seen: str) -> tuple[Told, dict[str, str]]:
    """Return what a patch comes to, and the files after it; ``seen`` are read before."""
    async with organism_of(folder, "read", "patch", header=HEADER) as organism:
        reads = [("read", ReadFile(each)) for each in seen]
        [*_, told] = await calls(organism, *reads, ("patch", PatchFiles(text)))
    return told, contents(folder)


def contents(folder: Path) -> dict[str, str]:
    """Return what is in the files of the one workspace."""
    [files] = folder.glob("spaces/*/files")
    return {each.name: each.read_bytes().decode() for each in files.iterdir()}


def diff(body: str, name: str = "a.txt", header: str = "@@ -1,1 +1,1 @@") -> str:
    """Return a diff of one hunk, whose numbers need not be right."""
    return f"--- a/{name}\n+++ b/{name}\n{header}\n{body}"


async def test_many_files_are_changed_made_and_removed(tmp_path: Path, start: Path) -> None:
    text = diff(" one\n-two\n+2\n three\n") + (
        "--- a/b.txt\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-alpha\n-beta\n"
        "--- /dev/null\n+++ b/c.txt\n@@ -0,0 +1,2 @@\n+new\n+file\n"
    )
    told, files = await patched(tmp_path, text, "a.txt", "b.txt")
    assert told.text.split("\n") == [
        *("a.txt: +1 -1", "b.txt: +0 -2, removed", "c.txt: +2 -0, made")
    ]
    assert files == {"a.txt": ORIGINAL.replace("two", "2"), "c.txt": "new\nfile\n"}


@pytest.mark.parametrize(
    "header", ["@@ -1,9 +4,3 @@ def f():", "@@ -9,2 +9,2 @@", "@@ -400 +400 @@", "@@"]
)
async def test_a_hunk_is_found_wherever_it_says_it_is(
    tmp_path: Path, start: Path, header: str
) -> None:
    body = " four\n-five\n+5\n six\n"
    _, files = await patched(tmp_path, diff(body, header=header), "a.txt")
    assert files["a.txt"] == ORIGINAL.replace("five", "5")


@pytest.mark.parametrize(
    ("there", "body", "after"),
    [
        ("a  \nb\n", " a\n-b\n+c\n", "a  \nc\n"),
        ("\ta\nb\n", " a\n-b\n+c\n", "\ta\nc\n"),
        (
            "say \u201chi\u201d \u2013 now\nb\n",
            ' say "hi" - now\n-b\n+c\n',
            "say \u201chi\u201d \u2013 now\nc\n",
        ),
        ("a\r\nb\r\n", " a\n-b\n+c\n", "a\r\nc\r\n"),
        ("x\n\ny\n", " x\n\n-y\n+z\n", "x\n\nz\n"),
        ("a\nb", " a\n-b\n\\ No newline at end of file\n+c\n", "a\nc\n"),
        ("a\nb\n", " a\n-b\n+c\n\\ No newline at end of file\n", "a\nc"),
        ("a\nb", " a\n+x\n b\n", "a\nx\nb"),
        ("-- x\n", "--- x\n+-- y\n", "-- y\n"),
    ],
)
async def test_spaces_quotes_and_ends_may_differ_and_stay_as_they_are(
    tmp_path: Path, start: Path, there: str, body: str, after: str
) -> None:
    (start / "a.txt").write_bytes(there.encode())
    told, files = await patched(tmp_path, diff(body), "a.txt")
    assert told.text
    assert files["a.txt"] == after


async def test_the_nearest_of_several_places_is_meant(tmp_path: Path, start: Path) -> None:
    (start / "a.txt").write_text("x\ny\n" * 10)
    _, files = await patched(tmp_path, diff(" x\n-y\n+Y\n", header="@@ -11,2 +11,2 @@"), "a.txt")
    assert files["a.txt"] == "x\ny\n" * 5 + "x\nY\n" + "x\ny\n" * 4


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (diff(" one\n-zwei\n+2\n"), "a.txt: hunk 1 does not fit: its lines, such as 'one'"),
        (diff("-x\n", "../../x"), "leads above the folder"),
        (diff("-x\n", "/etc/passwd"), "is outside"),
        (diff("-x\n", "none.txt"), "none.txt is not there"),
        (diff("-alpha\n+x\n", "b.txt"), "read it before you change it"),
        ("--- /dev/null\n+++ b/a.txt\n@@ -0,0 +1 @@\n+x\n", "a.txt is there already"),
        ("--- a/a.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n", "would not be empty"),
        ("--- a/a.txt\n+++ b/z.txt\n@@ -1 +1 @@\n-one\n+1\n", "moves no files"),
        (diff("-one\n+1\n") + "@@ -1,1 +1,1 @@\n-one\n+1\n", "hunk 2 overlaps"),
        (diff("-one\n+1\n") + diff("-two\n+2\n"), "named twice"),
        ("Please change one into two.", "it names no file"),
        ("+++ b/a.txt\n@@ -1 +1 @@\n-one\n+1\n", "no unified diff"),
    ],
)
async def test_a_patch_that_does_not_fit_changes_nothing_and_says_why(
    tmp_path: Path, start: Path, text: str, why: str
) -> None:
    good = "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+x\n"
    first = good + text if text.startswith("---") else text
    told, files = await patched(tmp_path, first, "a.txt")
    assert why in told.error
    assert files == {"a.txt": ORIGINAL, "b.txt": "alpha\nbeta\n"}
