"""Nothing outside a folder is read or written, whatever is made of a path meanwhile."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest

from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.beneath import Beneath, parts_of

SECRET = b"secret of somebody else"
SWAPS = 10_000
AT_FDCWD, RENAME_EXCHANGE = -100, 2


@pytest.fixture
def inside(tmp_path: Path) -> Beneath:
    """A folder with a file, beside one with a secret."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_bytes(SECRET)
    (tmp_path / "in" / "d").mkdir(parents=True)
    (tmp_path / "in" / "d" / "f").write_bytes(b"ours")
    return Beneath(str(tmp_path / "in"))


def swapping(inside: Beneath, name: str, target: str, use: Callable[[], None]) -> int:
    """Use a path while somebody swaps a part of it with a link, 10,000 times; count the uses."""
    at, link = os.path.join(inside.root, name), os.path.join(inside.root, "link")
    os.symlink(target, link)
    done, libc = threading.Event(), ctypes.CDLL(None, use_errno=True)

    def swap() -> None:
        failed = sum(
            libc.renameat2(AT_FDCWD, at.encode(), AT_FDCWD, link.encode(), RENAME_EXCHANGE) != 0
            for _ in range(SWAPS)
        )
        done.set()
        assert not failed

    thread = threading.Thread(target=swap)
    thread.start()
    uses = 0
    while not done.is_set():
        use()
        uses += 1
    thread.join()
    return uses


@pytest.mark.parametrize("name", ["d", "d/f"])
def test_a_part_that_becomes_a_link_meanwhile_is_never_followed(inside: Beneath, name: str) -> None:
    found: set[bytes] = set()

    def read() -> None:
        try:
            found.add(inside.read(("d", "f"), 100)[0])
        except ToolFailed:
            found.add(b"refused")

    target = "../outside" if name == "d" else "../../outside/f"
    assert swapping(inside, name, target, read) > 100
    assert SECRET not in found
    assert found <= {b"ours", b"refused"}


def test_nothing_is_written_through_a_link_that_comes_meanwhile(
    inside: Beneath, tmp_path: Path
) -> None:
    def write() -> None:
        try:
            inside.write(("d", "new"), b"x")
        except ToolFailed:
            return

    swapping(inside, "d", "../outside", write)
    assert [each.name for each in (tmp_path / "outside").iterdir()] == ["f"]
    assert (tmp_path / "outside" / "f").read_bytes() == SECRET


def traversals() -> list[str]:
    """Return paths that lead out: raw, and encoded once and twice, as somebody may decode them."""
    ups = ("..", "../..", "d/../..", "./..", "d/./../..", "..//..", "../in/..", "d/../../in/..")
    ends = ("", "outside/f", "etc/passwd", "proc/self/environ", "../outside/f", "./outside/f")
    raw = [f"{up}/{end}" for up, end in product(ups, ends)]
    raw += [f"/{each}" for each in raw] + [f"/workspace/{each}" for each in raw]
    raw += ["/etc/passwd", "//etc/passwd", "/workspacex/f", "/workspace/../outside/f", "~/f"]
    padded = [f"{'d/' * n}{'../' * n}{each}" for each in raw for n in range(48)]
    once = [quote(each, safe="") for each in padded]
    return [*padded, *once, *(quote(each, safe="") for each in once)]


def test_twenty_thousand_ways_out_lead_nowhere(inside: Beneath) -> None:
    ways = traversals()
    assert len(ways) >= 20_000
    read: list[bytes] = []
    for path in ways:
        try:
            read.append(inside.read(parts_of(path), 100)[0])
        except ToolFailed:
            continue
    assert not read


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("a\0b", "no NUL"),
        ("x" * 5000, "4096 bytes"),
        ("x" * 300, "too long a name"),
        ("fifo", "no ordinary file"),
        ("socket", "no ordinary file"),
        ("d", "is a folder"),
        ("", "is a folder"),
        ("nothing", "there is no nothing"),
        ("link", "links are not followed"),
        ("links/f", "links are not followed"),
        ("d/f/g", "not below a folder"),
    ],
)
def test_what_is_no_file_is_an_error_in_words(inside: Beneath, path: str, why: str) -> None:
    os.mkfifo(os.path.join(inside.root, "fifo"))
    os.mknod(os.path.join(inside.root, "socket"), 0o140600)
    os.symlink("d/f", os.path.join(inside.root, "link"))
    os.symlink("d", os.path.join(inside.root, "links"))
    with pytest.raises(ToolFailed, match=why):
        inside.read(parts_of(path), 100)


@pytest.mark.parametrize("path", ["fifo", "d", "."])
def test_what_is_no_file_is_not_overwritten(inside: Beneath, path: str) -> None:
    os.mkfifo(os.path.join(inside.root, "fifo"))
    with pytest.raises(ToolFailed):
        inside.write(parts_of(path), b"x")


def test_a_file_is_replaced_as_a_whole_and_keeps_its_mode(inside: Beneath) -> None:
    file = Path(inside.root, "d", "f")
    file.chmod(0o750)
    with file.open("rb") as before:
        inside.write(("d", "f"), b"new")
        assert before.read() == b"ours"
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o750
    assert [each.name for each in file.parent.iterdir()] == ["f"]


def test_a_file_that_is_too_large_is_not_read(inside: Beneath) -> None:
    with pytest.raises(ToolFailed, match="more than 3 bytes"):
        inside.read(("d", "f"), 3)
