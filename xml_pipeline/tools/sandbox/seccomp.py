"""The system calls that an enclosed process may not make, as a seccomp program.

The rule this file guards: nothing that makes namespaces, mounts, looks into other processes, loads
code into the kernel, or goes around Landlock (``io_uring``, sockets of other kinds).
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

_LD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_NR, _ARCH, _ARG0, _ARG1 = 0, 4, 16, 24
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_NEW_NAMESPACES = 0x7E020080 | 0x00020000
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_UNIX, _INET, _INET6 = 1, 2, 10
_CLONE3 = 435
_EVERYWHERE = (*range(425, 434), 438, 442)  # io_uring, new mounts, pidfd_getfd, mount_setattr


@dataclass(frozen=True, slots=True)
class Machine:
    """The numbers of calls on one kind of machine."""

    audit: int
    clone: int
    ioctl: int
    socket: int
    denied: tuple[int, ...]


# ptrace, process_vm_*, mount, umount2, pivot_root, chroot, unshare, setns, bpf, perf_event_open,
# userfaultfd, kexec*, *_module, keys, *_handle_at, swap*, reboot, quotactl, acct, clocks, names,
# syslog, kcmp, vhangup, personality; on x86 also iopl, ioperm and modify_ldt.
_X86 = (
    *(101, 310, 311, 165, 166, 155, 161, 272, 308, 321, 298, 323, 246, 320, 175, 313, 176),
    *(248, 249, 250, 303, 304, 167, 168, 169, 179, 163, 164, 227, 159, 305, 170, 171, 103, 312),
    *(153, 135, 172, 173, 154),
)
_ARM = (
    *(117, 270, 271, 40, 39, 41, 51, 97, 268, 280, 241, 282, 104, 294, 105, 273, 106),
    *(217, 218, 219, 264, 265, 224, 225, 142, 60, 89, 170, 112, 171, 266, 161, 162, 116, 272),
    *(58, 92),
)
MACHINES = MappingProxyType(
    {
        "x86_64": Machine(0xC000003E, 56, 16, 41, _X86),
        "aarch64": Machine(0xC00000B7, 220, 29, 198, _ARM),
    }
)


def program(*, network: bool, local_sockets: bool, machine: str = "") -> bytes | None:
    """Return the program for a machine, this one unless it is named; None where there is none.

    ``network`` lets the internet families through; ``local_sockets`` those between processes.
    """
    numbers = MACHINES.get(machine or platform.machine())
    if numbers is None:
        return None
    families = (_INET, _INET6) * network + (_UNIX,) * local_sockets
    lines = [
        *_load(_ARCH),
        _line(_JEQ, numbers.audit, 1, 0),
        _line(_RET, _KILL),
        *_load(_NR),
        *_refuse_from(0x40000000),  # Other numbers for the same calls.
        *(line for each in (*numbers.denied, *_EVERYWHERE) for line in _refuse(each, _EPERM)),
        *_refuse(_CLONE3, _ENOSYS),  # Its flags cannot be looked at: `clone` comes instead.
        *_unless_flags(numbers.clone, _NEW_NAMESPACES),
        *_unless_argument(numbers.ioctl, _ARG1, _TERMINAL_INPUT),
        *_only_argument(numbers.socket, _ARG0, families),
        _line(_RET, _ALLOW),
    ]
    return b"".join(lines)


def _line(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _load(offset: int) -> Iterable[bytes]:
    return (_line(_LD, offset),)


def _refuse(number: int, error: int) -> Iterable[bytes]:
    return (_line(_JEQ, number, 0, 1), _line(_RET, _ERRNO | error))


def _refuse_from(number: int) -> Iterable[bytes]:
    return (_line(_JGE, number, 0, 1), _line(_RET, _ERRNO | _ENOSYS))


def _unless_flags(number: int, flags: int) -> Iterable[bytes]:
    """Refuse a call whose first argument has one of these flags."""
    body = (*_load(_ARG0), _line(_JSET, flags, 0, 1), _line(_RET, _ERRNO | _EPERM), *_load(_NR))
    return (_line(_JEQ, number, 0, len(body)), *body)


def _unless_argument(number: int, argument: int, refused: Iterable[int]) -> Iterable[bytes]:
    """Refuse a call whose argument is one of these."""
    tests = (line for each in refused for line in _refuse(each, _EPERM))
    body = (*_load(argument), *tests, *_load(_NR))
    return (_line(_JEQ, number, 0, len(body)), *body)


def _only_argument(number: int, argument: int, allowed: Iterable[int]) -> Iterable[bytes]:
    """Refuse a call whose argument is none of these."""
    tests = [_line(_JEQ, each, 0, 1) + _line(_RET, _ALLOW) for each in allowed]
    body = (*_load(argument), *tests, _line(_RET, _ERRNO | _EPERM))
    return (_line(_JEQ, number, 0, sum(map(len, body)) // 8), *body)
