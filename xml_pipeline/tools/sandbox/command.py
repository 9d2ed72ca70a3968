"""The command line that encloses a command."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from xml_pipeline.config import SandboxLimits
from xml_pipeline.config.values import MIB
from xml_pipeline.tools.beneath import SEEN_AS
from xml_pipeline.tools.sandbox.offered import LANDLOCK_INSIDE, Kind, Offered
from xml_pipeline.tools.sandbox.seccomp import program

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
OF_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "mime.types")
OF_THE_NETWORK = ("resolv.conf", "hosts", "nsswitch.conf", "ssl", "ca-certificates", "services")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_SCRIPT = files(__package__).joinpath("enclosing.py").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Enclosure:
    """How commands are enclosed on this machine; ``access`` is what they may do to their folder."""

    kind: Kind
    settings: SandboxLimits
    offered: Offered
    access: Literal["read", "write"] = "write"

    def place(self, folder: str) -> str:
        """Return the path under which commands see the workspace that lies in a folder."""
        return SEEN_AS if self.kind == "bubblewrap" else folder

    def command(self, argv: Sequence[str], folder: str, scratch: str) -> list[str]:
        """Return what to run; ``scratch`` is a folder for what is temporary."""
        inner = [self._python, "-I", "-S", "-c", _SCRIPT, self._spec(argv, folder, scratch)]
        if self.kind != "bubblewrap":
            return inner
        return [self.offered.bwrap, *self._options(folder), "--", *inner]

    def environment(self, folder: str, scratch: str) -> dict[str, str]:
        """Return the environment of a command: nothing that is not asked for."""
        prefix = dict.fromkeys((sys.prefix, sys.base_prefix))
        paths = [*(f"{each}/bin" for each in prefix), "/usr/local/bin", "/usr/bin", "/bin"]
        own = {"PATH": ":".join(paths), "LANG": "C.UTF-8", "HOME": self.place(folder)}
        own["TMPDIR"] = "/tmp" if self.kind == "bubblewrap" else scratch  # noqa: S108  # its own
        named = self.settings.environment
        return own | {name: os.environ[name] for name in named if name in os.environ}

    @property
    def _python(self) -> str:
        return os.path.realpath(sys.executable)

    @property
    def _readable(self) -> list[str]:
        etc = OF_ETC + (OF_THE_NETWORK if self.settings.network else ())
        ours = (sys.base_prefix, sys.prefix, *self.settings.readable)
        return list(dict.fromkeys((*SYSTEM, *(f"/etc/{each}" for each in etc), *ours)))

    def _options(self, folder: str) -> Iterator[str]:
        """Yield the options of bubblewrap."""
        yield from ("--unshare-all", "--unshare-user", "--disable-userns", "--new-session")
        yield from ("--die-with-parent", "--cap-drop", "ALL", "--uid", "1000", "--gid", "1000")
        if self.settings.network:
            yield "--share-net"
        size = str(self.settings.memory_mb * MIB // 4)
        yield from ("--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm")  # noqa: S108  # of its own
        yield from ("--size", size, "--tmpfs", "/tmp")  # noqa: S108  # of its own
        for path in self._readable:
            if os.path.islink(path) and path in SYSTEM:
                yield from ("--symlink", os.readlink(path), path)
            else:
                yield from ("--ro-bind-try", path, path)
        bind = "--bind" if self.access == "write" else "--ro-bind"
        yield from (bind, folder, SEEN_AS, "--chdir", SEEN_AS)
        yield from ("--remount-ro", "/dev", "--remount-ro", "/")

    def _spec(self, argv: Sequence[str], folder: str, scratch: str) -> str:
        is_alone = self.kind == "landlock"
        place = self.place(folder)
        readable = [*self._readable, place] if is_alone else [*self._readable, place, "/proc"]
        writable = [scratch, *DEVICES] if is_alone else ["/tmp", "/dev"]  # noqa: S108  # of its own
        if self.access == "write":
            writable.append(place)
        calls = program(
            network=self.settings.network,
            local_sockets=self.kind == "bubblewrap" and not self.settings.network,
        )
        spec = {
            "argv": [*argv],
            "limits": self._limits(),
            "landlock": is_alone or self._is_inside,
            "readable": readable,
            "writable": writable,
            "network": self.settings.network,
            "seccomp": base64.b64encode(calls or b"").decode() if self.kind != "none" else "",
            "supervise": self.kind != "bubblewrap",
        }
        return json.dumps(spec)

    @property
    def _is_inside(self) -> bool:
        return self.kind == "bubblewrap" and self.offered.landlock >= LANDLOCK_INSIDE

    def _limits(self) -> dict[str, int]:
        settings = self.settings
        limits = {
            "CORE": 0,
            "CPU": settings.cpu_seconds,
            "DATA": settings.memory_mb * MIB,
            "FSIZE": settings.file_mb * MIB,
            "NOFILE": 1024,
        }
        if self.kind != "none":
            limits["NPROC"] = settings.processes + (self.kind == "landlock") * _own_threads()
        return limits


def _own_threads() -> int:
    """Return how many threads this user has: outside of a namespace all of them count."""
    count, user = 0, os.getuid()
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == user:
                count += len(os.listdir(f"/proc/{pid}/task"))
    return count
