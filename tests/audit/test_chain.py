"""S21: what was written can be read as it was, and nothing can be changed without being found."""

from __future__ import annotations

import itertools
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audit.logs import actions, entries, full_disk, told, written
from xml_pipeline.audit.chain import BEGIN, MOST, Entry, read
from xml_pipeline.audit.checking import Noted, check
from xml_pipeline.audit.file import BROKEN, TORN
from xml_pipeline.audit.trail import Trail
from xml_pipeline.errors import AuditFailed, AuditInUse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def problems(log: Path, head: Path | None, noted: str | None = None) -> list[str]:
    return [f"{each.line}: {each.text}" for each in check(log, head, Noted(noted)).findings]


@given(st.text(), st.text(), st.dictionaries(st.text(), JSON))
def test_an_entry_is_read_as_it_was_written(
    actor: str, action: str, what: dict[str, object]
) -> None:
    entry = Entry(1, "2026-11-21T05:09:29.640739Z", actor, action, what, BEGIN)
    assert entry.line().count(b"\n") == 1
    assert read(entry.line()) == entry


def test_a_log_that_nobody_touched_is_as_it_was_written(tmp_path: Path) -> None:
    log, head = written(tmp_path)
    assert problems(log, head) == []
    assert [each["n"] for each in entries(log)] == [1, 2, 3, 4, 5]
    assert check(log, head).head.hash == entries(log)[-1]["hash"]
    assert stat.S_IMODE(log.stat().st_mode) == stat.S_IMODE(head.stat().st_mode) == 0o600


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    """S21: all bits of all bytes, one by one."""
    log, head = written(tmp_path, entries=3)
    raw = log.read_bytes()
    unnoticed = []
    for at, bit in itertools.product(range(len(raw)), range(8)):
        log.write_bytes(raw[:at] + bytes([raw[at] ^ (1 << bit)]) + raw[at + 1 :])
        if not problems(log, head):
            unnoticed.append((at, bit))
    assert unnoticed == []


def test_a_line_that_is_removed_doubled_or_moved_is_found_by_its_neighbours(
    tmp_path: Path,
) -> None:
    """Without the head, too, but at the very end."""
    log, head = written(tmp_path, entries=6)
    lines = log.read_bytes().splitlines(keepends=True)
    for order in itertools.chain(
        itertools.combinations(range(6), 5),
        itertools.combinations(range(6), 4),
        (each for each in itertools.permutations(range(6)) if each != (0, 1, 2, 3, 4, 5)),
        [(0, *range(6)), (0, 1, 1, 2, 3, 4, 5), (*range(6), 5)],
    ):
        log.write_bytes(b"".join(lines[each] for each in order))
        assert problems(log, head), order
        is_beginning = order == tuple(range(len(order)))
        assert bool(problems(log, None)) != is_beginning, order


@pytest.mark.parametrize("left", range(5))
def test_lines_missing_at_the_end_are_found_by_the_head(tmp_path: Path, left: int) -> None:
    log, head = written(tmp_path)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:left]))
    [problem] = problems(log, head)
    assert problem.startswith(f"{left}: ends here, and entry 5,")
    assert problems(log, None) == []


def test_a_log_written_anew_from_some_line_on_is_found_by_the_head(tmp_path: Path) -> None:
    log, head = written(tmp_path)
    forged, previous = b"", BEGIN
    for said in entries(log):
        what = {"thread": "another"} if said["n"] == 2 else said["what"]
        entry = Entry(said["n"], said["time"], said["actor"], said["action"], what, previous)
        forged, previous = forged + entry.line(), entry.hash
    log.write_bytes(forged)
    assert problems(log, None) == []
    assert len(problems(log, head)) == 1


def test_a_hash_that_was_noted_down_elsewhere_must_be_there(tmp_path: Path) -> None:
    log, _ = written(tmp_path)
    assert problems(log, None, entries(log)[2]["hash"]) == []
    assert "an entry, with hash 0000" in problems(log, None, BEGIN)[0]


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"{}\n", b"[]\n", b"null\n", b"[" * 60_000, b"\xff\n", b'{"n":1}\n'],
)
def test_what_is_no_entry_is_found(tmp_path: Path, line: bytes) -> None:
    assert read(line) is None
    log, head = written(tmp_path)
    log.write_bytes(log.read_bytes() + line)
    assert bool(problems(log, head)) == bool(line)


@pytest.mark.parametrize("change", ['"n": 1', '"n":true', '"n":"1"', '"n":1.0', '"n":01'])
def test_another_spelling_of_the_same_is_found(tmp_path: Path, change: str) -> None:
    log, head = written(tmp_path)
    log.write_text(log.read_text().replace('"n":1', change, 1))
    assert problems(log, head)


def test_more_than_a_line_can_hold_is_told_by_its_digest(tmp_path: Path) -> None:
    trail, log = Trail(), tmp_path / "log"
    trail.begin(log, None)
    trail.order("ada", "start", {"listeners": ["x" * 100] * 1_000})
    trail.note("ada" * 1_000, "sender_overwritten", claimed="y" * 10_000)
    trail.end()
    assert entries(log)[0]["what"].keys() == {"bytes", "sha256"}
    assert len(entries(log)[1]["what"]["claimed"]) == len(entries(log)[1]["actor"]) == 500
    assert max(map(len, log.read_bytes().splitlines())) < 2 * MOST


# ── Going on ────────────────────────────────────────────────────────────────────────────


def again(log: Path, head: Path | None) -> None:
    trail = Trail()
    trail.begin(log, head)
    trail.order("ada", "resume", {})
    trail.end()


def test_the_next_process_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    log, head = written(tmp_path)
    again(log, head)
    assert actions(log) == ["kill"] * 5 + ["resume"]
    assert problems(log, head) == []


def test_a_line_that_was_never_finished_is_cut_off_and_that_is_told(tmp_path: Path) -> None:
    log, head = written(tmp_path)
    with log.open("ab") as opened:
        opened.write(b'{"action":"ki')
    assert problems(log, head) == ["6: unfinished"]
    again(log, head)
    assert actions(log)[5:] == [TORN, "resume"]
    assert problems(log, head) == []


def test_what_was_cut_off_by_somebody_is_told_for_ever(tmp_path: Path) -> None:
    log, head = written(tmp_path)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:3]))
    again(log, head)
    again(log, head)
    assert actions(log) == ["kill"] * 3 + [BROKEN, "resume", "resume"]
    [problem] = problems(log, head)
    assert problem.startswith("4: says that entry 5")


def test_a_log_that_was_removed_is_missed(tmp_path: Path) -> None:
    log, head = written(tmp_path)
    log.unlink()
    again(log, head)
    assert actions(log) == [BROKEN, "resume"]


def test_a_log_whose_last_line_was_changed_is_not_added_to(tmp_path: Path) -> None:
    log, head = written(tmp_path)
    raw = log.read_bytes()
    log.write_bytes(raw[:-3] + b"0" + raw[-2:])
    with pytest.raises(AuditFailed, match="move it away"):
        again(log, head)
    assert log.read_bytes() == raw[:-3] + b"0" + raw[-2:]


def test_a_log_belongs_to_one_organism_at_a_time(tmp_path: Path) -> None:
    first, second = Trail(), Trail()
    first.begin(tmp_path / "log", tmp_path / "head")
    with pytest.raises(AuditInUse):
        second.begin(tmp_path / "log", tmp_path / "head")
    assert not second.on
    first.end()
    second.begin(tmp_path / "log", tmp_path / "head")
    second.end()


def test_where_the_head_cannot_be_kept_the_log_is_kept_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    again(tmp_path / "log", tmp_path / "file" / "head")
    assert actions(tmp_path / "log") == ["resume"]
    assert "missing at its end" in caplog.text or "go missing" in caplog.text


@pytest.mark.parametrize("where", ["file/log", "folder", "link"])
def test_a_log_that_cannot_be_opened_is_an_error(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(AuditFailed, match="cannot be written"):
        Trail().begin(tmp_path / where, None)


# ── What cannot be written ──────────────────────────────────────────────────────────────


def test_what_does_not_fit_on_the_disk_leaves_the_log_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, head = tmp_path / "log", tmp_path / "head"
    trail = Trail()
    trail.begin(log, head)
    trail.order("ada", "pause", {})
    before = log.read_bytes()
    with full_disk(), pytest.raises(AuditFailed):
        trail.order("ada", "kill", {})
    with full_disk(), pytest.raises(AuditFailed):
        trail.note("ada", "sender_overwritten", claimed="x")
    with full_disk():
        trail.tell("ada", "signature_refused", why="x")
    assert "audit log cannot be written" in caplog.text
    assert log.read_bytes() == before
    trail.order("ada", "resume", {})
    trail.end()
    assert actions(log) == ["pause", "resume"]
    assert problems(log, head) == []


def test_messages_do_not_take_the_room_that_orders_need(tmp_path: Path) -> None:
    trail = Trail()
    trail.begin(tmp_path / "log", tmp_path / "head", reserve=2**62)
    with pytest.raises(AuditFailed, match="for orders"):
        trail.note("mallory", "sender_overwritten", claimed="system")
    trail.order("ada", "kill_all", {})
    trail.end()
    assert actions(tmp_path / "log") == ["kill_all"]


def test_without_a_log_nothing_is_written_and_nothing_fails() -> None:
    trail = Trail()
    trail.order("ada", "kill", {})
    trail.tell("ada", "x", why="y")
    trail.end()
    assert not trail.on


def test_an_entry_says_who_did_what(tmp_path: Path) -> None:
    log, _ = written(tmp_path, entries=1)
    [entry] = entries(log)
    assert (entry["actor"], entry["action"]) == ("ada", "kill")
    assert told(log, "kill") == [("ada", {"thread": "t0"})]
    assert json.dumps(entry["time"]).endswith('Z"')
