"""Encloses the process that it runs in, and becomes the command: a script of its own.

It is given to an isolated interpreter as text, so it knows nothing but the standard library. Its
argument is JSON: ``argv``, ``limits`` (resource to number), ``readable`` and ``writable`` paths,
``landlock``, ``network``, ``seccomp`` (a program, as base64) and ``supervise``.

The rule it guards: what cannot be put on ends the process; the command never runs with less.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import resource
import signal
import stat
import struct
import sys
from typing import Any

NO_NEW_PRIVS, PDEATHSIG, SUBREAPER, SECCOMP, DROP_CAPABILITY = 38, 1, 36, 22, 24
CAPABILITIES_VERSION, MOST_CAPABILITIES = 0x20080522, 64
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EVERYTHING = (1 << 16) - 1
DEVICES = 1 << 6 | 1 << 11  # nodes of them, which nobody makes
READING = 1 << 0 | 1 << 2 | 1 << 3  # execute, read a file, read a folder
OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
TCP, ABSTRACT_SOCKETS_AND_SIGNALS = 3, 3
NOT_ENCLOSED = 125
"""Exit code of a process that could not be enclosed."""

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def checked(result: int) -> int:
    """Return what a call returned; OSError where it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def limit(limits: dict[str, int]) -> None:
    """Put limits on what the process, and all that it starts, may take; for good."""
    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (lower, lower))


def drop_capabilities() -> None:
    """Give up whatever an administrator may do, also for programs that would get it back."""
    for each in range(MOST_CAPABILITIES):
        libc.prctl(DROP_CAPABILITY, each, 0, 0, 0)  # Who has none may not, and need not.
    head = struct.pack("=Ii", CAPABILITIES_VERSION, 0)
    checked(libc.capset(head, struct.pack("=6I", *(0,) * 6)))


def landlock(readable: list[str], writable: list[str], network: bool) -> None:
    """Let the process open nothing but these paths, and signal nobody outside."""
    rules = struct.pack("=QQQ", EVERYTHING, 0 if network else TCP, ABSTRACT_SOCKETS_AND_SIGNALS)
    size = ctypes.c_size_t(len(rules))
    ruleset = checked(libc.syscall(CREATE_RULESET, rules, size, ctypes.c_uint32(0)))
    for paths, access in ((readable, READING), (writable, EVERYTHING & ~DEVICES)):
        for path in paths:
            allow(ruleset, path, access)
    checked(libc.syscall(RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def allow(ruleset: int, path: str, access: int) -> None:
    """Add a path to a ruleset, unless it is not there."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(os.fstat(opened).st_mode):
        access &= OF_FILES
    rule = struct.pack("=Qi", access, opened)
    checked(libc.syscall(ADD_RULE, ruleset, 1, rule, 0))
    os.close(opened)


def filter_calls(program: bytes) -> None:
    """Put a seccomp program on the process."""
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    checked(libc.prctl(SECCOMP, 2, head, 0, 0))


def supervise() -> None:
    """Fork: the child goes on; this process waits for it, and then ends all that it has started."""
    libc.prctl(SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGCHLD})
        return
    status = wait_for(child)
    end_all()
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF if status is not None else 143)


def wait_for(child: int) -> int | None:
    """Return the status of the child, None where this process was told to end."""
    while True:
        if signal.sigwait({signal.SIGTERM, signal.SIGCHLD}) == signal.SIGTERM:
            return None
        while True:
            done, status = os.waitpid(-1, os.WNOHANG)
            if done == child:
                return status
            if done == 0:
                break


def end_all() -> None:
    """Kill every child, and every one that becomes a child when its parent ends."""
    while True:
        with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as children:
            for each in children.read().split():
                os.kill(int(each), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def enclose(spec: dict[str, Any]) -> None:
    """Put everything on."""
    if spec["supervise"]:
        supervise()
    limit(spec["limits"])
    checked(libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0))
    if spec["seccomp"]:
        drop_capabilities()
    if spec["landlock"]:
        landlock(spec["readable"], spec["writable"], spec["network"])
    if spec["seccomp"]:
        filter_calls(base64.b64decode(spec["seccomp"]))


def main() -> None:
    """Enclose this process, and become the command."""
    spec = json.loads(sys.argv[1])
    try:
        enclose(spec)
        os.execv(spec["argv"][0], spec["argv"])  # noqa: S606  # becoming it is the point
    except OSError as error:
        os.write(2, f"not enclosed: {error}\n".encode())
        os._exit(NOT_ENCLOSED)


if __name__ == "__main__":
    main()
