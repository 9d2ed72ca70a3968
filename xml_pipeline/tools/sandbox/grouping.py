"""A control group that counts processes, for an administrator: no other limit holds for those."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

GROUPS = "/sys/fs/cgroup"
_JOIN = 'echo 0 > "$0/cgroup.procs" && exec "$@"'


_PATIENCE = 100


@asynccontextmanager
async def counted(command: list[str], processes: int) -> AsyncIterator[list[str]]:
    """Give a command that runs in a group of at most so many processes, where one can be made."""
    group = _made(processes) if os.geteuid() == 0 else None
    if group is None:
        yield command
        return
    try:
        yield ["/bin/sh", "-c", _JOIN, group, *command]
    finally:
        await _remove(group)


def countable(groups: str = GROUPS) -> bool:
    """Tell whether such a group can be made below this folder."""
    group = _made(1, groups)
    if group is None:
        return False
    os.rmdir(group)
    return True


async def _remove(group: str) -> None:
    """Remove a group, once the kernel has forgotten those that have just ended in it."""
    for _ in range(_PATIENCE):
        try:
            os.rmdir(group)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            return


def _made(processes: int, groups: str = GROUPS) -> str | None:
    group = f"{_own(groups)}/xml-pipeline-{secrets.token_hex(8)}"
    try:
        os.mkdir(group)
        with open(f"{group}/pids.max", "w") as most:
            most.write(str(processes))
    except OSError:
        with suppress(OSError):
            os.rmdir(group)
        return None
    return group


def _own(groups: str) -> str:
    """Return where the group of this process is, in which processes are counted."""
    with open("/proc/self/cgroup") as mine:
        for line in mine:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if controllers == "pids":
                return f"{groups}/pids{path}".rstrip("/")
    return f"{groups}{path}".rstrip("/")
