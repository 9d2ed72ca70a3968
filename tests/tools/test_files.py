"""Files of a workspace: read, written and changed, by whoever has seen them as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tools.parts import Caller, calls, organism_of
from xml_pipeline.tools.edit import EditFile
from xml_pipeline.tools.read import LONGEST_LINE, ReadFile
from xml_pipeline.tools.write import WriteFile

TOOLS = ("read", "write", "edit")
HEADER = "workspace: {root: spaces, per: tenant, template: start}\nlisteners:\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder whose files each workspace begins with."""
    (tmp_path / "start" / "src").mkdir(parents=True)
    (tmp_path / "start" / "src" / "a.py").write_text("one\ntwo\nthree\nfour\nfive\n")
    return tmp_path / "start"


async def test_a_file_is_read_with_the_numbers_of_its_lines(tmp_path: Path, files: Path) -> None:
    async with organism_of(tmp_path, *TOOLS, header=HEADER) as organism:
        [whole, part, end] = await calls(
            organism,
            ("read", ReadFile("src/a.py")),
            ("read", ReadFile("/workspace/src/../src/a.py", offset=2, limit=2)),
            ("read", ReadFile("src/a.py", offset=6)),
        )
    assert whole.text.splitlines()[::4] == ["     1\tone", "     5\tfive"]
    assert part.text == "     2\ttwo\n     3\tthree\n(2 more lines; go on with offset 4)"
    assert end.error == "src/a.py has 5 lines, and none at 6"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("large", b"x" * (256 * 1024 + 1), "more than 262144 bytes"),
        ("binary", bytes(range(20)) * 100, "is no text"),
        ("nul", b"\0" * 10, "is no text"),
    ],
)
async def test_what_is_no_text_or_too_long_is_not_read(
    tmp_path: Path, files: Path, name: str, data: bytes, words: str
) -> None:
    (files / name).write_bytes(data)
    async with organism_of(tmp_path, *TOOLS, header=HEADER) as organism:
        [told] = await calls(organism, ("read", ReadFile(name)))
    assert words in told.error


async def test_whatever_stands_in_a_file_can_be_told(tmp_path: Path, files: Path) -> None:
    (files / "odd").write_bytes(b"\x1b[1mbold\xff\x00" + b"x" * 3000 + "\r\n\ufffe".encode())
    (files / "empty").write_bytes(b"")
    async with organism_of(tmp_path, *TOOLS, header=HEADER) as organism:
        [odd, empty] = await calls(organism, ("read", ReadFile("odd")), ("read", ReadFile("empty")))
    assert "bold" in odd.text
    assert f"({3012 - LONGEST_LINE} characters more)" in odd.text
    assert empty.text == "(the file is empty)"


async def test_a_file_that_is_not_there_is_told_with_the_nearest(
    tmp_path: Path, files: Path
) -> None:
    async with organism_of(tmp_path, *TOOLS, header=HEADER) as organism:
        [near, far, folder] = await calls(
            organism,
            ("read", ReadFile("src/b.py")),
            ("read", ReadFile("nowhere/x")),
            ("read", ReadFile("src")),
        )
    assert near.error == "there is no src/b.py; did you mean src/a.py?"
    assert far.error == "there is no nowhere/x"
    assert folder.error == "src is a folder: list it"


async def test_only_who_has_seen_a_file_as_it_is_may_overwrite_it(
    tmp_path: Path, files: Path
) -> None:
    new, read = WriteFile("src/a.py", "new\n"), ReadFile("src/a.py")
    async with organism_of(tmp_path, *TOOLS, header=HEADER) as organism:
        blind, _, written, again, same = await calls(
            organism,
            *(
                ("write", new),
                ("read", read),
                ("write", new),
                ("write", WriteFile("src/a.py", "2")),
            ),
            ("write", WriteFile("src/a.py", "2")),
        )
        assert blind.error == "src/a.py is there already: read it before you change it"
        assert written.text == "src/a.py was changed: 4 bytes"
        assert again.text == "src/a.py was changed: 1 bytes"
        assert "unchanged" in same.text
        [other] = await calls(organism, ("write", new))
        assert "read it before" in other.error

        def touched(_: object) -> WriteFile:
            [file] = tmp_path.glob("spaces/*/files/src/a.py")
            file.write_text("by somebody else\n")
            return new

        *_, stale = await calls(organism, ("read", read), ("write", touched))
        assert stale.error == "src/a.py has changed since you read it: read it again"


async def test_a_new_file_is_made_with_the_folders_above_it(tmp_path: Path) -> None:
    async with organism_of(tmp_path, *TOOLS) as organism:
        made, read = await calls(
            organism, ("write", WriteFile("x/y/z", "hi")), ("read", ReadFile("x/y/z"))
        )
    assert (made.text, read.text) == ("x/y/z was made: 2 bytes", "     1\thi")


async def test_a_text_that_stands_there_once_is_replaced(tmp_path: Path, files: Path) -> None:
    def edit(old: str, new: str, file: str = "src/a.py") -> tuple[str, EditFile]:
        return "edit", EditFile(file, old, new)

    async with organism_of(tmp_path, *TOOLS, header=HEADER) as organism:
        blind, _, edited, often, never, same, nowhere = await calls(
            organism,
            edit("two", "2"),
            ("read", ReadFile("src/a.py")),
            edit("three\n", "3\n3a\n"),
            edit("o", "0"),
            edit("six", "6"),
            edit("one", "one"),
            edit("x", "y", "src/none"),
        )
    assert "read it before" in blind.error
    assert edited.text.splitlines()[1:] == [
        *("     1\tone", "     2\ttwo", "     3\t3", "     4\t3a", "     5\tfour", "     6\tfive")
    ]
    assert "stands in it 3 times" in often.error
    assert "does not stand in it" in never.error
    assert "nothing would change" in same.error
    assert nowhere.error == "there is no src/none"


async def test_a_file_in_another_encoding_is_not_edited(tmp_path: Path, files: Path) -> None:
    (files / "latin").write_bytes(b"caf\xe9")
    async with organism_of(tmp_path, *TOOLS, header=HEADER) as organism:
        *_, told = await calls(
            organism, ("read", ReadFile("latin")), ("edit", EditFile("latin", "caf", "x"))
        )
    assert "no text in UTF-8" in told.error


async def test_conversations_users_and_tenants_have_files_of_their_own(tmp_path: Path) -> None:
    write, read = ("write", WriteFile("f", "mine")), ("read", ReadFile("f"))
    async with organism_of(tmp_path, *TOOLS) as organism:
        await calls(organism, write)
        [other] = await calls(organism, read)
    assert other.error == "there is no f"
    async with organism_of(
        tmp_path, *TOOLS, header="workspace: {root: u, per: user}\nlisteners:\n"
    ) as organism:
        await calls(organism, write)
        [same] = await calls(organism, read)
        assert same.text == "     1\tmine"
    assert os.listdir(tmp_path / "u" / "t-") == ["u-outside"]


async def test_two_callers_in_one_conversation_share_files_but_not_what_they_have_seen(
    tmp_path: Path, files: Path
) -> None:
    seeing, blind = Caller("seeing"), Caller("blind")
    async with organism_of(tmp_path, *TOOLS, header=HEADER) as organism:
        await seeing.do(organism, ("read", ReadFile("src/a.py")))
        [told] = await blind.do(organism, ("write", WriteFile("src/a.py", "x")))
    assert "read it before" in told.error
