"""`worker`: serves an organism on Redis from a process of its own."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.shell import Shell
from tests.services.redis_server import RedisServer

BACKEND = "backend: {{type: redis, redis_url: '{}'}}\n"
COMPUTES = (
    "  - {name: counter, description: Counts., payload_class: handlers.play:Pair,"
    " handler: handlers.play:add, cpu_bound: true}\n"
)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a Redis of one's own."""
    with RedisServer(tmp_path) as server:
        yield server


def on_redis(shell: Shell, redis: RedisServer) -> None:
    """Let the project's organism be one on Redis, with a listener that computes."""
    text = shell.organism.read_text()
    shell.organism.write_text(BACKEND.format(redis.url) + text + COMPUTES)


def test_it_serves_the_organism_of_its_file_until_it_is_told_to_stop(
    shell: Shell, redis: RedisServer
) -> None:
    on_redis(shell, redis)
    with shell.started("worker", "config/organism.yaml", "--processes", "1") as worker:
        worker.line(lambda line: "serves (processes: 1)" in line)
        with shell.organism_running() as organism:
            asked = shell.run("ask", "counter", '{"left": 20, "right": 22}', "--json")
            assert asked.code == 0, asked.err
            assert "42" in asked.out
            assert organism.end() == 143
            said = [json.loads(line)["event"] for line in organism.lines]
            assert "workers elsewhere handle what is cpu-bound (processes: 1)" in said
        assert worker.end(signal.SIGTERM) == 143
        said = [json.loads(line)["event"] for line in worker.lines]
        assert said[-2:] == ["stopping", "stopped"]


def test_without_a_file_it_serves_the_handlers_of_its_directory(
    shell: Shell, redis: RedisServer
) -> None:
    on_redis(shell, redis)
    with shell.started("worker", "--redis", redis.url, "--processes", "1") as worker:
        worker.line(lambda line: "serves" in line)
        with shell.organism_running():
            assert "42" in shell.run("ask", "counter", '{"left": 20, "right": 22}').out


def test_a_redis_that_does_not_answer_is_exit_code_3(shell: Shell) -> None:
    done = shell.run("worker", "--redis", "redis://127.0.0.1:1", "--processes", "1")
    assert done.code == 3
    assert "Redis: " in done.err


def test_an_address_that_is_none_is_exit_code_2(command: Command) -> None:
    done = command("worker", "--redis", "nonsense")
    assert done.code == 2
    assert "redis_url" in done.err


@pytest.mark.parametrize("file", [(), ("config/organism.yaml",)])
def test_it_must_be_told_which_redis(command: Command, file: tuple[str, ...]) -> None:
    done = command("worker", *file)
    assert done.code == 2
    assert "which Redis? Give it with --redis" in done.err
