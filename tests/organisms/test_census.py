"""The census counts real files, through the pump, and tells how far it has come."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path

import pytest

from handlers.census.library import FOLDER, part_of, read_source, sources
from handlers.census.payloads import (
    Census,
    NothingToCount,
    Part,
    Progress,
    ReadSource,
    Report,
    SourceRead,
    SourceRefused,
    Table,
)
from handlers.census.showing import MOST_PARTS, table_of
from tests.house.source import ROOT
from xml_pipeline import HandlerMetadata, Organism
from xml_pipeline.events import Event, MessageReceived
from xml_pipeline.testing import Probe, memory_organism, respond

FILE = ROOT / "organisms" / "census.yaml"
JSON_FILES = sorted(each.name for each in Path(json.__file__).parent.glob("*.py"))


async def report(of: str) -> Report:
    async with Organism.load(FILE) as organism:
        answer = await organism.ask("counter", Census(of), timeout=60.0)
    assert isinstance(answer, Report)
    return answer


async def test_every_file_of_a_package_is_counted_once() -> None:
    counted = await report("json")
    assert sorted(f"{part.name}.py" for part in counted.parts) == JSON_FILES
    lines = {part.name: part.lines for part in counted.parts}
    for name in JSON_FILES:
        text = (FOLDER / "json" / name).read_text(encoding="utf-8")
        assert lines[name.removesuffix(".py")] == len(text.splitlines())
    assert counted.longest.endswith(".py")
    assert counted.refused == ()


async def test_each_file_is_one_message_and_every_hundredth_part_of_the_way_is_told() -> None:
    events: list[Event] = []
    async with Organism.load(FILE) as organism:
        organism.subscribe(events.append)
        await organism.ask("census", Census("encodings"), timeout=60.0)
    received = [each.payload for each in events if isinstance(each, MessageReceived)]
    files = sorted(f"encodings/{each.name}" for each in (FOLDER / "encodings").glob("*.py"))
    assert sorted(each.path for each in received if isinstance(each, ReadSource)) == files
    told = {each.done for each in received if isinstance(each, Progress)}
    assert max(told) == len(files) > 100 == len(told)


async def test_a_census_is_answered_as_a_table() -> None:
    async with Organism.load(FILE) as organism:
        table = await organism.ask("census", Census("json.decoder"), timeout=60.0)
    assert isinstance(table, Table)
    head, _, row, _, total = table.text.splitlines()[1:6]
    assert head.startswith("json.decoder, Python 3.")
    assert row.split()[:2] == ["json.decoder", "1"]
    assert total.split()[:3] == ["in", "all", "1"]


@pytest.mark.parametrize("of", ["no_such_module", "../secret", "json/decoder", "", "site-packages"])
async def test_what_is_no_module_is_nothing_to_count(of: str) -> None:
    async with Organism.load(FILE) as organism:
        answer = await organism.ask("census", Census(of), timeout=60.0)
    assert answer == NothingToCount(f"there is no Python source of {of!r}")


@pytest.mark.parametrize("path", ["../../../secret.py", "/etc/passwd", "no/such/file.py"])
async def test_the_reader_reads_nothing_but_the_library(path: str) -> None:
    async with Organism.load(FILE) as organism:
        answer = await organism.ask("reader", ReadSource(path), timeout=60.0)
    assert isinstance(answer, SourceRefused)


def fail(payload: object, metadata: HandlerMetadata) -> None:
    raise RuntimeError("out of order")


async def test_files_that_cannot_be_read_are_told_of_whatever_the_reason() -> None:
    def react(payload: ReadSource, metadata: HandlerMetadata) -> object:
        if payload.path.endswith("tool.py"):
            fail(payload, metadata)
        return respond(SourceRefused("SyntaxError"))

    reader = Probe("reader", ReadSource, react)
    progress = Probe("progress", Progress, fail)
    counter = next(each for each in Organism.load(FILE).listeners if each.name == "counter")
    async with memory_organism(counter, reader, progress) as organism:
        answer = await organism.ask("counter", Census("json"), timeout=60.0)
    assert answer.parts == ()
    assert sorted(answer.refused) == [f"json/{name}" for name in JSON_FILES]
    assert "No Python of this version: json/" in table_of(answer)


def test_what_one_file_contains_is_counted_with_what_is_nested_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sample.py").write_text(SAMPLE)
    monkeypatch.setattr("handlers.census.library.FOLDER", tmp_path)
    assert read_source("sample.py") == SourceRead(
        lines=len(SAMPLE.splitlines()),
        classes=2,
        functions=5,
        documented=3,
        longest="Outer.Inner.long",
        longest_lines=6,
    )


SAMPLE = '''"""A module."""

class Outer:
    """A class."""

    class Inner:
        def long(self):
            match self:
                case _:
                    def matched(): ...
                    try: ...
                    except E: ...

if a:
    async def chosen():
        """Say why."""
else:
    for each in a:
        with each:
            def looped(): ...
    else:
        def after(): return lambda: None
'''


def test_the_whole_library_is_counted_without_what_is_installed_beside_it() -> None:
    everything = sources("stdlib")
    assert {"os.py", "json/decoder.py"} <= set(everything)
    assert not [path for path in everything if path.startswith("site-packages/")]
    assert len(everything) == len(set(everything)) > 500
    assert Path(sysconfig.get_path("stdlib")).resolve() == FOLDER


@pytest.mark.parametrize(
    ("path", "of", "part"),
    [
        ("os.py", "stdlib", "os"),
        ("json/decoder.py", "stdlib", "json"),
        ("json/decoder.py", "json", "decoder"),
        ("json/decoder.py", "json.decoder", "json.decoder"),
        ("test/test_os.py", "stdlib", "tests"),
        ("lib2to3/tests/data/bom.py", "stdlib", "tests"),
        ("test/support/os_helper.py", "test", "support"),
    ],
)
def test_a_file_belongs_to_the_module_or_package_right_below(path: str, of: str, part: str) -> None:
    assert part_of(path, of) == part


def test_parts_beyond_the_largest_share_a_line() -> None:
    parts = tuple(Part(f"part{index}", 1, 100 - index, 1, 2, 2) for index in range(MOST_PARTS + 3))
    lines = table_of(Report("x", "3.11", parts, "f in x.py", 9, ())).splitlines()
    assert len(lines) == MOST_PARTS + 8
    assert ["3", "others", "3"] in [line.split()[:3] for line in lines]
    assert "The longest function: f in x.py, 9 lines." in lines
    assert not any(line.startswith("No Python") for line in lines)


def test_an_empty_census_is_a_table_too() -> None:
    assert "in all" in table_of(Report("x", "3.11", (), "", 0, ("x.py",)))


async def shown(*steps: tuple[int, int]) -> None:
    progress = next(each for each in Organism.load(FILE).listeners if each.name == "progress")
    async with memory_organism(progress) as organism:
        for done, total in steps:
            assert await organism.ask("progress", Progress(done, total)) == Progress(done, total)


async def test_progress_is_told_in_ten_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await shown(*((done, 1_000) for done in range(1, 1_001)))
    told = capsys.readouterr().err.splitlines()
    assert told == [f"{done:,} of 1,000 files" for done in range(100, 1_001, 100)]


async def test_progress_is_told_in_lines_on_a_terminal_that_somebody_else_draws_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    await shown((1, 4), (4, 4))
    assert "━" not in capsys.readouterr().err


async def test_progress_is_a_bar_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "__stderr__", sys.stderr)
    await shown((1, 4), (4, 4))
    half, whole, rest = capsys.readouterr().err.replace("\n", "\r").split("\r")
    assert "━" * 10 in half
    assert half.endswith(" 1 of 4 files")
    assert whole.endswith(" 4 of 4 files")
    assert rest == ""
