"""R14: the disk is full, or does not take what it was given; a real file, a real process."""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.cli.shell import Running, Shell, make_project

pytestmark = pytest.mark.no_cover

TIMES = 5
HOPELESS = 30


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    make_project(tmp_path / "project")
    return Shell(tmp_path / "project", tmp_path / "state")


class Customer:
    """Somebody who sends messages and remembers which of them were acknowledged."""

    def __init__(self, shell: Shell) -> None:
        (entry,) = shell.state.glob("*.json")
        said = json.loads(entry.read_text())
        token = {"Authorization": f"Bearer {said['token']}"}
        self.http = httpx.Client(base_url=said["url"], headers=token, timeout=5.0)
        self.acknowledged: list[str] = []

    def send(self) -> int:
        body = {"to": "echo", "payload": {"text": "x" * 2_000}}
        response = self.http.post("/v1/messages", json=body)
        if response.is_success:
            self.acknowledged.append(response.json()["thread"])
        else:
            assert response.status_code == 503
            assert response.headers["Retry-After"]
        return response.status_code

    def send_until(self, status: int) -> None:
        for _ in range(HOPELESS):
            if self.send() == status:
                return
        raise AssertionError(f"never {status}")

    def is_ready(self) -> bool:
        return self.http.get("/readyz").status_code == 200


@contextmanager
def serving(shell: Shell) -> Iterator[tuple[Running, Customer]]:
    with shell.organism_running() as running:
        customer = Customer(shell)
        with customer.http:
            yield running, customer


def journal(shell: Shell) -> Path:
    (file,) = (shell.state / "journals").glob("*.db")
    return file


def conversations(shell: Shell) -> list[str]:
    with closing(sqlite3.connect(journal(shell))) as db:
        return [id for (id,) in db.execute("select id from conversations")]


def _no_file_is_written(running: Running) -> None:
    """Let the process write no file, not even within its log, which may begin anew at any time."""
    limits = (1, resource.RLIM_INFINITY)
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, limits)


def _files_are_written(running: Running) -> None:
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, unlimited)


def fill(shell: Shell, times: int) -> tuple[list[str], list[str]]:
    """Let the disk be full so many times, then kill the process.

    Returns what was acknowledged, and what is written.
    """
    with serving(shell) as (running, customer):
        for _ in range(times):
            customer.send_until(202)
            _no_file_is_written(running)
            customer.send_until(503)
            assert [customer.send() for _ in range(3)] == [503] * 3
            assert not customer.is_ready()
            running.line(lambda line: "the journal cannot be written" in line)
            _files_are_written(running)
            running.line(lambda line: "the journal is written again" in line)
            assert customer.is_ready()
        customer.send_until(202)
        running.process.kill()
    return customer.acknowledged, conversations(shell)


def test_while_the_disk_is_full_nothing_is_acknowledged_and_it_recovers(shell: Shell) -> None:
    acknowledged, written = fill(shell, TIMES)
    assert len(acknowledged) > TIMES
    assert set(acknowledged) <= set(written)
    assert len(written) == len(set(written))


@contextmanager
def _failing_to_sync(running: Running) -> Iterator[None]:
    """Let every wait for the disk fail."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("not run: strace is not installed")
    fails = ("-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO")
    command = [strace, "-f", *fails, "-p", str(running.process.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        if "attached" not in said:
            pytest.skip(f"not run: {said}")
        try:
            yield
        finally:
            tracer.terminate()
            tracer.stderr.read()


def fail_to_sync(shell: Shell, times: int) -> tuple[list[str], list[str]]:
    """Let the disk not take what it was given so many times, then kill the process.

    Returns what was acknowledged, and what is written.
    """
    organism = shell.organism
    organism.write_text(organism.read_text() + "backend: {durability: required}\n")
    with serving(shell) as (running, customer):
        for _ in range(times):
            customer.send_until(202)
            with _failing_to_sync(running):
                customer.send_until(503)
                running.line(lambda line: "the journal cannot be written" in line)
            running.line(lambda line: "the journal is written again" in line)
        customer.send_until(202)
        running.process.kill()
    return customer.acknowledged, conversations(shell)


def test_a_disk_that_fails_to_sync_is_believed_no_more_than_a_full_one(shell: Shell) -> None:
    acknowledged, written = fail_to_sync(shell, 2)
    assert set(acknowledged) <= set(written)
