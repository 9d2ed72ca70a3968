"""The nursery: a process that has loaded what every worker needs, and forks one when asked.

The rule this file guards: it runs nothing of anybody's, no handler, no import of theirs, no
thread. So what is forked of it is as good as what is started, and there in a tenth of the time.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress
from struct import Struct

from xml_pipeline.dispatch.worker import die_with, serve

BORN, GONE = 1, 2

TOLD = Struct(">Bii")
"""What it says: of which kind, the id of a process (0 where none was born), and its exit code."""


def main() -> None:
    """Work for the process that has started this one: ``… FD PARENT``."""
    fd, parent = map(int, sys.argv[-2:])
    die_with(parent)
    os.set_inheritable(fd, False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with socket.socket(fileno=fd) as line:
        pipe = nurse(line)
    if pipe is not None:
        serve(pipe)


def nurse(line: socket.socket) -> int | None:
    """Fork a worker for each pipe and output that come over the line, until that ends.

    Returns in each of them as well: with its end of the pipe.
    """
    nursery = os.getpid()
    heard, woken = os.pipe()
    os.set_blocking(heard, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, _be_woken)
    while True:
        ready, _, _ = select.select([line.fileno(), heard], [], [])
        if heard in ready:
            os.read(heard, 4096)
            _bury(line)
        if line.fileno() in ready:
            _, fds, _, _ = socket.recv_fds(line, 1, 2)
            if not fds:
                return None
            if (pid := _fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (heard, woken):
                    os.close(each)
                return _be_born(nursery, *fds)
            for each in fds:
                os.close(each)
            _tell(line, BORN, max(pid, 0))


def _fork() -> int:
    """Fork; -1 where the system has no room for another process."""
    try:
        pid = os.fork()
    except OSError as error:
        sys.stderr.write(f"no worker can be forked: {error}\n")
        return -1
    if pid:
        with suppress(ProcessLookupError, PermissionError):  # Whoever comes first.
            os.setpgid(pid, pid)
    return pid


def _be_born(nursery: int, pipe: int, output: int) -> int:
    """Become a process of its own, which prints to that output; return its pipe."""
    die_with(nursery)
    os.setpgid(0, 0)
    for each in (1, 2):
        os.dup2(output, each)
    os.close(output)
    return pipe


def _bury(line: socket.socket) -> None:
    """Tell of all that have gone, and end what they have started."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        _tell(line, GONE, pid, os.waitstatus_to_exitcode(status))


def _tell(line: socket.socket, kind: int, pid: int, code: int = 0) -> None:
    with suppress(ConnectionError):  # Then there is nobody who would have to know.
        line.sendall(TOLD.pack(kind, pid, code))


def _be_woken(*_: object) -> None:
    """Let ``select`` return: a process has gone."""
