"""A log goes on in another file when one is full; the chain holds over all of them."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
import time_machine

from tests.audit.logs import actions, entries, full_disk
from tests.cli.shell import Shell
from xml_pipeline.audit.checking import Noted, check
from xml_pipeline.audit.parts import Extent, extent_of, full_parts
from xml_pipeline.audit.trail import Trail
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import AuditFailed
from xml_pipeline.organism import Organism

TINY = Extent(bytes=1)
"""Each entry has a part of its own."""


def ordered(log: Path, head: Path | None, names: Sequence[str], extent: Extent = TINY) -> None:
    """Write into a log what somebody ordered, as one process."""
    trail = Trail()
    trail.begin(log, head, extent=extent)
    for name in names:
        trail.order("ada", name, {})
    trail.end()


def problems(log: Path, head: Path | None = None, after: str | None = None) -> list[str]:
    found = check(log, head, Noted(after=after)).findings
    return [f"{each.file.name}:{each.line} {each.text}" for each in found]


def parts(log: Path) -> list[list[str]]:
    """Return what was done, part by part."""
    return [actions(each) for each in (*full_parts(log), log)]


def test_what_is_beyond_its_extent_begins_another_part(tmp_path: Path) -> None:
    log, head = tmp_path / "a.jsonl", tmp_path / "head"
    ordered(log, head, "abc")
    assert [each.name for each in full_parts(log)] == ["a.jsonl.00001", "a.jsonl.00002"]
    assert parts(log) == [["a"], ["b"], ["c"]]
    assert [each["n"] for each in entries(log)] == [3]
    assert {stat.S_IMODE(each.stat().st_mode) for each in full_parts(log)} == {0o400}
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert problems(log, head) == []
    assert check(log, head).head.n == 3


def test_a_part_holds_as_many_bytes_as_it_may_and_one_entry_at_least(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ordered(log, None, "a", Extent())
    ordered(log, None, "bcdef", Extent(bytes=2 * log.stat().st_size))
    assert parts(log) == [["a", "b"], ["c", "d"], ["e", "f"]]


def test_a_part_holds_what_is_of_so_many_days(tmp_path: Path) -> None:
    log, extent = tmp_path / "log", Extent(seconds=86_400)
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        for name in "abc":
            ordered(log, None, name, extent)
            clock.shift(50_000)
    assert parts(log) == [["a", "b"], ["c"]]


def test_the_next_process_goes_on_behind_the_last_part(tmp_path: Path) -> None:
    log, head = tmp_path / "log", tmp_path / "head"
    for names in ("ab", "c", "de"):
        ordered(log, head, names)
    assert len(full_parts(log)) == 4
    assert problems(log, head) == []


def test_a_process_that_died_before_the_first_entry_of_a_part_is_followed(tmp_path: Path) -> None:
    log, head = tmp_path / "log", tmp_path / "head"
    ordered(log, head, "ab")
    os.rename(log, tmp_path / "log.00002")
    ordered(log, head, "c")
    assert problems(log, head) == []
    assert check(log, head).head.n == 3


def test_a_process_that_died_while_it_gave_a_part_its_name_is_followed(tmp_path: Path) -> None:
    log, head = tmp_path / "log", tmp_path / "head"
    ordered(log, head, "ab")
    os.link(log, tmp_path / "log.00002")
    (tmp_path / "log.new").write_bytes(b"left over")
    ordered(log, head, "c", Extent())
    assert [each.name for each in full_parts(log)] == ["log.00001"]
    ordered(log, head, "d")
    assert problems(log, head) == []


def test_whatever_is_changed_in_any_part_is_found_and_where(tmp_path: Path) -> None:
    log, head = tmp_path / "log", tmp_path / "head"
    ordered(log, head, "abcd")
    second = tmp_path / "log.00002"
    raw = second.read_bytes()
    second.chmod(0o600)
    second.write_bytes(raw.replace(b"ada", b"bob"))
    assert problems(log, head)[0] == "log.00002:1 is not as it was written"
    second.write_bytes(b"")
    assert "log.00003:1 is not entry 2" in problems(log, head)[0]
    second.write_bytes(raw)
    assert problems(log, head) == []
    (tmp_path / "log.00003").unlink()
    assert "log:1 is not entry 3" in problems(log, head)[0]


def test_a_part_whose_end_was_changed_is_not_gone_on_from(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ordered(log, None, "ab")
    os.replace(log, tmp_path / "log.00001")
    (tmp_path / "log.00001").write_bytes(b"nothing\n")
    with pytest.raises(AuditFailed, match="its last line has been changed"):
        ordered(log, None, "c")


def test_parts_may_be_kept_elsewhere_by_whoever_knows_how_they_ended(tmp_path: Path) -> None:
    log, head = tmp_path / "log", tmp_path / "head"
    ordered(log, head, "abc")
    ended = entries(tmp_path / "log.00002")[-1]["hash"]
    for part in full_parts(log):
        part.unlink()
    assert "is not the first entry" in problems(log, head)[0]
    assert problems(log, head, ended) == []
    assert problems(log, head, "0" * 63 + "1") != []


def test_where_no_part_can_be_begun_the_log_goes_on_in_the_same_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "log"
    (tmp_path / "log.new").mkdir()
    with caplog.at_level(logging.ERROR):
        ordered(log, None, "abc")
    assert caplog.text.count("goes on in the same file") == 1
    assert actions(log) == ["a", "b", "c"]


def test_an_entry_that_does_not_fit_on_the_disk_leaves_a_chain_that_goes_on(
    tmp_path: Path,
) -> None:
    log, trail = tmp_path / "log", Trail()
    trail.begin(log, None, reserve=0, extent=TINY)
    trail.order("ada", "a", {})
    with full_disk(), pytest.raises(AuditFailed):
        trail.order("ada", "b", {})
    trail.order("ada", "c", {})
    trail.end()
    assert problems(log) == []
    assert parts(log) == [["a"], ["c"]]


def test_files_that_only_look_like_parts_are_none(tmp_path: Path) -> None:
    log = tmp_path / "a[b].jsonl"
    for name in ("a[b].jsonl.old", "a[b].jsonl.1", "ab.jsonl.00001", "a[b].jsonl.00001x"):
        (tmp_path / name).touch()
    (tmp_path / "a[b].jsonl.00007").touch()
    assert [each.name for each in full_parts(log)] == ["a[b].jsonl.00007"]


async def test_the_configuration_says_how_much_a_part_holds(tmp_path: Path) -> None:
    audit = {"path": str(tmp_path / "log"), "part_mb": 0.000_001, "part_days": 2}
    config = OrganismConfig.model_validate({"audit": audit})
    assert extent_of(config.audit) == Extent(1, 2 * 86_400.0)
    async with Organism(config=config):
        pass
    assert parts(tmp_path / "log") == [["start"], ["stop"]]


def test_verify_reads_all_parts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ordered(log, None, "abc")
    shell = Shell(tmp_path, tmp_path)
    assert ": 3 entries, as they were written" in shell.run("audit", "verify", "log").out
    (tmp_path / "log.00001").unlink()
    assert shell.run("audit", "verify", "log").code == 1
    after = entries(tmp_path / "log.00002")[0]["previous"]
    assert shell.run("audit", "verify", "log", "--after", after).code == 0
