"""Whoever runs commands that nobody has read finds nothing outside, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xml_pipeline.errors import ConfigError
from xml_pipeline.tools.bash import enclosure
from xml_pipeline.tools.sandbox import seccomp
from xml_pipeline.tools.sandbox.command import Enclosure
from xml_pipeline.tools.sandbox.offered import Kind, Offered, offered
from xml_pipeline.tools.sandbox.running import Output, Ran, run
from xml_pipeline.tools.sandbox.settings import SandboxSettings

FOUND = offered()
SMALL: dict[str, Any] = {"memory_mb": 256, "processes": 40, "file_mb": 16, "disk_mb": 64}


@pytest.fixture(params=["bubblewrap", "landlock"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """A way to enclose commands, where this machine has it."""
    wanted: Kind = request.param
    if not replace(FOUND, as_root=False).can(wanted):
        pytest.skip(f"this machine has no {wanted}: {FOUND}")
    return wanted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace, beside something that is nobody's business."""
    (tmp_path / "secret").write_text("SECRET")
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


async def sh(kind: Kind, folder: Path, command: str, seconds: float = 30, **more: Any) -> Ran:
    """Run a command, enclosed."""
    settings = SandboxSettings.model_validate({"sandbox": kind, **SMALL, **more})
    argv = ["/bin/bash", "--norc", "-c", command]
    return await run(Enclosure(kind, settings, FOUND), argv, str(folder), seconds)


def python(code: str) -> str:
    """Return a command that runs this, and says ESCAPED where it raises nothing."""
    lines = (
        "import ctypes, fcntl, os, socket, sys, time\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    )
    lines += "def call(*a):\n    assert libc.syscall(*a) >= 0, ctypes.get_errno()\n"
    return f"python3 - <<'END'\n{lines}{code}\nprint('ESCAPED')\nEND"


def said(command: str) -> str:
    """Return a command that says ESCAPED where it succeeds."""
    return f"{{ {command} ; }} && echo ESCAPED"


ESCAPES = {
    "read outside": said("cat OUTSIDE/secret"),
    "read outside through a link": said("ln -s OUTSIDE l && cat l/secret"),
    "read outside through a hard link": said("ln OUTSIDE/secret l && cat l"),
    "read the passwords": said("cat /etc/shadow"),
    "read a home": said("ls -d DWELLING/.[a-z]*"),
    "write outside": said("echo x > OUTSIDE/new"),
    "write over programs": said("echo x > /usr/bin/new"),
    "write to etc": said("echo x > /etc/new"),
    "write to the root": said("echo x > /new"),
    "write to dev": said("echo x > /dev/new && test -e /dev/new"),
    "remove outside": said("rm OUTSIDE/secret"),
    "environment of others": said("cat /proc/HOST/environ | grep -a PATH"),
    "environment of the first": said("cat /proc/1/environ | tr '\\0' '\\n' | grep -a ="),
    "memory of others": said("head -c1 /proc/HOST/mem"),
    "files of others": said("cat /proc/HOST/root/etc/shadow"),
    "kill others": said("kill -0 HOST"),
    "raw disk": said("head -c1 /dev/vda || head -c1 /dev/sda"),
    "kernel memory": said("head -c1 /dev/mem"),
    "user namespace": said("unshare -Ur true"),
    "mount namespace": said("unshare -m true"),
    "mount": said("mkdir m && mount -t tmpfs none m"),
    "chroot": said("chroot . /bin/true"),
    "device": said("mknod d b 254 0"),
    "kernel setting": said("echo 1 > /proc/sys/kernel/core_pattern"),
    "control groups": said("mkdir /sys/fs/cgroup/new"),
    "ptrace": python("call(101 if os.uname().machine == 'x86_64' else 117, 0, 0, 0, 0)"),
    "ptrace of others": python("call(101, 16, HOST, 0, 0)"),
    "terminal input": python("fcntl.ioctl(os.openpty()[1], 0x5412, b'x')"),
    "namespace by clone": python("call(56, 0x10000000 | 17, 0, 0, 0, 0) or os._exit(0)"),
    "namespace by clone3": python("call(435, b'\\0' * 88, 88)"),
    "io_uring": python("call(425, 4, b'\\0' * 120)"),
    "keyring": python("call(250, 0, -3, 1)"),
    "bpf": python("call(321, 0, b'\\0' * 64, 64)"),
    "tcp": python("socket.create_connection(('127.0.0.1', PORT), 3)"),
    "udp": python("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53))"),
    "raw socket": python("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    "netlink": python("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)"),
    "abstract socket": python("socket.socket(socket.AF_UNIX).connect('\\0ABSTRACT')"),
    "socket in a file": python("socket.socket(socket.AF_UNIX).connect('OUTSIDE/socket')"),
    "secret in the environment": said("env | grep CANARY"),
    "descriptors": said("cat <&HELD"),
    "1 GB of memory": python("b = bytearray(10**9)"),
    "1 GB in pieces": python("b = [bytearray(10**7) for _ in range(100)]"),
    "1 GB of shared memory": said(
        "for i in $(seq 64); do head -c 15M /dev/zero > /dev/shm/$i || exit 1; done"
    ),
    "1 GB in several processes": python(
        "for _ in range(8):\n"
        "  if os.fork() == 0: b = bytearray(125 * 10**6); time.sleep(20); break\n"
        "else: time.sleep(10)"
    ),
    "a large file": said("head -c 100M /dev/zero > big"),
    "a full disk": said("for i in $(seq 100); do head -c 10M /dev/zero > f$i || exit 1; done"),
    "fork bomb": said("f() { f | f & f; }; f; sleep 20"),
    "many processes": said("for i in $(seq 200); do sleep 20 & done; wait"),
    "endless output": said("head -c 100M /dev/zero | tr '\\0' x"),
}


def listen(server: socket.socket, file: Path) -> None:
    """Listen at a file whose path may be longer than that of a socket."""
    server.bind(os.path.relpath(file))
    server.listen()


UNCOUNTED = ("fork bomb", "many processes")


@pytest.fixture(scope="module")
def host() -> Iterator[dict[str, str]]:
    """Something outside for everything that is looked for."""
    name = f"xml-pipeline-{secrets.token_hex(8)}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
        subprocess.Popen(["sleep", "600"]) as process,
        open("/etc/hostname", "rb") as held,
    ):
        abstract.bind(f"\0{name}")
        abstract.listen()
        yield {
            "HOST": str(process.pid),
            "PORT": str(server.getsockname()[1]),
            "ABSTRACT": name,
            "HELD": str(held.fileno()),
            "DWELLING": str(Path.home()),
        }
        process.kill()


@pytest.mark.parametrize("escape", ESCAPES)
async def test_there_is_no_way_out(
    kind: Kind, folder: Path, host: dict[str, str], escape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "landlock" and FOUND.as_root and escape in UNCOUNTED:
        pytest.skip("it is not offered to the user 0, for this reason")
    monkeypatch.setenv("CANARY", "SECRET")
    command = ESCAPES[escape].replace("OUTSIDE", str(folder.parent))
    for name, value in host.items():
        command = command.replace(name, value)
    with socket.socket(socket.AF_UNIX) as in_a_file:
        listen(in_a_file, folder.parent / "socket")
        ran = await sh(kind, folder, command, 5)
    assert "ESCAPED" not in ran.output
    assert "SECRET" not in ran.output
    assert ran.why or ran.output or ran.code
    assert sorted(each.name for each in folder.parent.iterdir()) == ["secret", "socket", "work"]


def running(mark: str) -> list[str]:
    """Return the processes that have this in their command line."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in each.read_bytes():
                found.append(each.parent.name)
        except OSError:
            continue
    return found


DAEMONS = {
    "background": "sleep MARK &",
    "no hang-up": "nohup setsid sleep MARK >/dev/null 2>&1 < /dev/null & disown",
    "forked twice": "( ( setsid sleep MARK & ) & )",
    "many": "for i in 1 2 3 4 5 6 7 8; do ( setsid sh -c 'sleep MARK; true' & ); done",
    "stopped": "sleep MARK & kill -STOP $!",
    "deaf": "trap '' TERM INT HUP; sleep MARK & disown",
}


@pytest.mark.parametrize("daemon", DAEMONS)
async def test_nothing_is_left_running(kind: Kind, folder: Path, daemon: str) -> None:
    mark = f"9{secrets.randbelow(10**8)}"
    ran = await sh(kind, folder, DAEMONS[daemon].replace("MARK", mark) + "\necho done")
    assert (ran.output, ran.code) == ("done\n", 0)
    assert running(mark) == []


async def test_what_takes_too_long_is_ended_with_all_that_it_started(
    kind: Kind, folder: Path
) -> None:
    mark = f"9{secrets.randbelow(10**8)}"
    ran = await sh(kind, folder, f"echo begun; (setsid sleep {mark} &); sleep {mark}", 1.0)
    assert (ran.output, ran.why) == ("begun\n", "it took longer than 1 seconds")
    assert running(mark) == []


async def test_whoever_waits_may_leave_and_nothing_goes_on(kind: Kind, folder: Path) -> None:
    mark = f"9{secrets.randbelow(10**8)}"
    fifo = folder / "begun"
    os.mkfifo(fifo)
    task = asyncio.create_task(sh(kind, folder, f"echo > begun; sleep {mark}"))
    await asyncio.to_thread(fifo.read_text)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running(mark) == []


async def test_what_is_allowed_works(
    kind: Kind, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANTED", "here")
    command = (
        "echo hi > f; cat f; mkdir d; mv f d; ls d; cat <(echo sub); echo x > $TMPDIR/y; cat"
        " $TMPDIR/y; python3 -c 'import json, subprocess; print(subprocess.getoutput(\"echo 1\"))';"
        " echo $WANTED; seq 3 | wc -l; echo end > /dev/null; cat OUTSIDE/secret; exit 3"
    ).replace("OUTSIDE", str(folder.parent))
    more: dict[str, Any] = {"environment": ["WANTED"], "readable": [str(folder.parent / "secret")]}
    ran = await sh(kind, folder, command, **more)
    assert ran.output.split() == ["hi", "f", "sub", "x", "1", "here", "3", "SECRET"] or (
        kind == "landlock" and "sub" not in ran.output  # /dev/fd is below /proc
    )
    assert ran.code == 3


async def test_the_network_is_there_where_it_is_granted(
    kind: Kind, folder: Path, host: dict[str, str]
) -> None:
    connect = python(f"socket.create_connection(('127.0.0.1', {host['PORT']}), 3)")
    local = python("socket.socket(socket.AF_UNIX)")
    assert "ESCAPED" in (await sh(kind, folder, connect, network=True)).output
    assert "ESCAPED" not in (await sh(kind, folder, local, network=True)).output


# ── What is offered ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("found", "wanted", "comes"),
    [
        (Offered("/bwrap", "", 7, seccomp=True), "auto", "bubblewrap"),
        (Offered("", "none", 7, seccomp=True), "auto", "landlock"),
        (Offered("/bwrap", "", 7, seccomp=True), "landlock", "landlock"),
        (Offered("", "none", 5, seccomp=True), "none", "none"),
        (Offered("", "none", 5, seccomp=True), "auto", None),
        (Offered("", "none", 7, seccomp=False), "auto", None),
        (Offered("/bwrap", "", 3, seccomp=True), "landlock", None),
        (Offered("", "none", 7, seccomp=True), "bubblewrap", None),
        (Offered("", "none", 7, seccomp=True, as_root=True), "auto", None),
    ],
)
def test_commands_are_enclosed_as_wanted_or_not_run_at_all(
    found: Offered, wanted: Any, comes: Kind | None
) -> None:
    settings = SandboxSettings(sandbox=wanted)
    if comes is not None:
        assert enclosure(settings, found).kind == comes
        return
    with pytest.raises(ConfigError, match=r"only `tool: \{sandbox: none\}` allows them"):
        enclosure(settings, found)


def test_calls_are_filtered_on_the_machines_that_are_known() -> None:
    for machine in seccomp.MACHINES:
        made = seccomp.program(network=False, local_sockets=False, machine=machine)
        assert made
        assert len(made) % 8 == 0
    assert seccomp.program(network=True, local_sockets=True, machine="vax") is None


async def test_what_cannot_be_enclosed_is_not_run(folder: Path) -> None:
    made = Enclosure("landlock", SandboxSettings(), Offered("", "", 7, seccomp=True))
    ran = await run(made, ["/no/such/program"], str(folder), 10)
    assert (ran.code, ran.output[:12]) == (125, "not enclosed")


# ── Output ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [0, 10, 14_000, 30_000])
def test_output_is_told_as_it_is_up_to_30000_bytes(size: int) -> None:
    output, text = Output(), "x" * (size // 2) + "y" * (size - size // 2)
    for at in range(0, size, 999):
        output.take(text[at : at + 999].encode())
    assert output.text() == text


def test_of_longer_output_the_beginning_and_the_end_are_told() -> None:
    output = Output()
    output.take(b"a" * 20_000)
    output.take(b"b" * 20_000)
    head, dropped, tail = output.text().split("\n\n")
    assert (head, tail) == ("a" * 14_000, "b" * 14_000)
    assert dropped == "[... 12000 bytes dropped ...]"


@pytest.mark.skipif(not (FOUND.bwrap and FOUND.as_root), reason="it is about the user 0")
def test_an_administrator_whose_processes_nothing_counts_is_offered_no_sandbox(
    tmp_path: Path,
) -> None:
    there = offered(str(tmp_path / "nowhere"))
    assert there.best is None
    assert "as another user" in there.why
