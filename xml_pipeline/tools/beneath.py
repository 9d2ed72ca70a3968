"""A folder, and what is opened below it.

The rule this file guards: nothing outside the folder is ever read or written. Each component of a
path is opened relative to the one before it, and no link is followed, so it does not matter what
somebody makes of a path meanwhile: there is no moment between looking and opening.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath

from xml_pipeline.tools.base import ToolFailed

SEEN_AS = "/workspace"
"""The name under which whoever works in the folder knows it."""

LONGEST_PATH = 4096
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LEAF = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_WORDS = {
    errno.ENOENT: "there is no {path}",
    errno.ELOOP: "{path} is a link, and links are not followed",
    errno.ENOTDIR: "{path} is not below a folder, or behind a link, and links are not followed",
    errno.EISDIR: "{path} is a folder",
    errno.ENXIO: "{path} is no ordinary file",
    errno.ENAMETOOLONG: "{path:.80}… is too long a name",
    errno.EACCES: "{path} may not be opened",
    errno.EPERM: "{path} may not be opened",
    errno.ENOSPC: "there is no space left for {path}",
    errno.EDQUOT: "there is no space left for {path}",
    errno.ENOTEMPTY: "{path} is not empty",
    errno.EROFS: "{path} cannot be written: its disk is read-only",
}

Parts = tuple[str, ...]


def parts_of(path: str) -> Parts:
    """Return the components of a path below the folder; ToolFailed where it leads out of it."""
    if "\0" in path or len(path.encode(errors="replace")) > LONGEST_PATH:
        raise ToolFailed("a path has at most 4096 bytes, and no NUL")
    if path.startswith("/"):
        if path != SEEN_AS and not path.startswith(f"{SEEN_AS}/"):
            raise ToolFailed(f"{path} is outside: paths are relative, or begin with {SEEN_AS}/")
        path = path.removeprefix(SEEN_AS).lstrip("/")
    parts: list[str] = []
    for part in PurePosixPath(path).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            raise ToolFailed(f"{path} is outside: it leads above the folder")
    return tuple(parts)


def shown(parts: Parts) -> str:
    """Return a path as it is told."""
    return "/".join(parts) or "."


class Beneath:
    """Files and folders below one folder, which is opened anew for each of them."""

    def __init__(self, root: str) -> None:
        self.root = root

    @contextmanager
    def folder(self, parts: Parts, *, make: bool = False) -> Iterator[int]:
        """Open a folder, made with those above it where ``make`` says so."""
        with _told(shown(parts)):
            at = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                for part in parts:
                    if make:
                        with suppress(FileExistsError):
                            os.mkdir(part, 0o755, dir_fd=at)
                    below = os.open(part, _FOLDER, dir_fd=at)
                    os.close(at)
                    at = below
                yield at
            finally:
                os.close(at)

    @contextmanager
    def file(self, parts: Parts) -> Iterator[int]:
        """Open an ordinary file for reading; ToolFailed for anything else."""
        with self.folder(parts[:-1]) as at, _told(shown(parts)):
            opened = os.open(parts[-1] if parts else ".", os.O_RDONLY | _LEAF, dir_fd=at)
            try:
                mode = os.fstat(opened).st_mode
                if not stat.S_ISREG(mode):
                    kind = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
                    raise ToolFailed(f"{shown(parts)} is {kind}")
                yield opened
            finally:
                os.close(opened)

    def read(self, parts: Parts, most: int) -> tuple[bytes, os.stat_result]:
        """Return a file's bytes and what is known of it; ToolFailed where it has more than that."""
        with self.file(parts) as opened, _told(shown(parts)):
            about = os.fstat(opened)
            data = _read(opened, most + 1)
            if len(data) > most:
                raise ToolFailed(f"{shown(parts)} has more than {most} bytes")
            return data, about

    def status(self, parts: Parts) -> os.stat_result | None:
        """Return what is known of a path, links not followed; None where nothing is there."""
        try:
            with self.folder(parts[:-1]) as at:
                return os.stat(parts[-1] if parts else ".", dir_fd=at, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except ToolFailed as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def write(self, parts: Parts, data: bytes) -> os.stat_result:
        """Put a file in its place as a whole, with the folders above it, or change nothing."""
        if not parts:
            raise ToolFailed("the folder itself cannot be written")
        with self.folder(parts[:-1], make=True) as at, _told(shown(parts)):
            mode = self._mode(at, parts)
            draft = f".{secrets.token_hex(8)}.draft"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with os.fdopen(os.open(draft, flags, 0o600, dir_fd=at), "wb") as file:
                    file.write(data)
                    os.fchmod(file.fileno(), mode)
                os.rename(draft, parts[-1], src_dir_fd=at, dst_dir_fd=at)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=at)
            return os.stat(parts[-1], dir_fd=at, follow_symlinks=False)

    def _mode(self, at: int, parts: Parts) -> int:
        try:
            mode = os.stat(parts[-1], dir_fd=at, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return 0o644
        if stat.S_ISREG(mode):
            return stat.S_IMODE(mode) & 0o777
        raise ToolFailed(f"{shown(parts)} is there, and is no ordinary file")

    def remove(self, parts: Parts) -> None:
        """Remove a file."""
        with self.folder(parts[:-1]) as at, _told(shown(parts)):
            os.unlink(parts[-1] if parts else ".", dir_fd=at)

    def entries(self, parts: Parts) -> list[tuple[str, bool]]:
        """Return the files and folders in a folder, by name; whether it is a folder with each.

        Links, devices and the like are left out.
        """
        with self.folder(parts) as at, _told(shown(parts)), os.scandir(at) as found:
            return sorted(
                (each.name, each.is_dir(follow_symlinks=False))
                for each in found
                if each.is_dir(follow_symlinks=False) or each.is_file(follow_symlinks=False)
            )


def _read(opened: int, most: int) -> bytes:
    """Return what a file has, up to so many bytes, however little is read at a time."""
    data = bytearray()
    while len(data) < most and (more := os.read(opened, min(most - len(data), 1 << 20))):
        data += more
    return bytes(data)


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Say what the operating system says in words for whoever asked."""
    try:
        yield
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        words = _WORDS.get(number or 0, "{path} cannot be opened or written")
        raise ToolFailed(words.format(path=path)) from error
