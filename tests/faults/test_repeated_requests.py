"""Whoever repeats a request across the death of the process is heard once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.faults.processes import Runner
from tests.faults.project import write_project

pytestmark = pytest.mark.no_cover

ORDERS, KILLS, ROUND = 60, 4, 12


async def _insist(http: httpx.AsyncClient, runner: Runner, number: int) -> str:
    """Send an order until it is answered; return the thread it was answered on."""
    while True:
        await runner.changed.wait()
        address = runner.address
        if address is None:
            continue
        url = f"http://{address.host}:{address.port}/v1/messages?wait=10"
        headers = {"Authorization": f"Bearer {address.token}", "Idempotency-Key": f"order-{number}"}
        body = {"to": "desk", "payload": {"Order": {"n": number}}}
        try:
            response = await http.post(url, json=body, headers=headers)
        except httpx.TransportError:
            continue
        if response.status_code == 200:
            thread: str = response.json()["thread"]
            return thread
        assert response.status_code in (202, 503), response.text


async def _asked_around_kills(http: httpx.AsyncClient, runner: Runner) -> dict[int, str]:
    """Send all orders, and kill the process in the midst of each round; return their threads."""
    random = Random(7)
    threads: dict[int, str] = {}
    for first in range(0, ORDERS, ROUND):
        numbers = range(first, first + ROUND)
        asking = {number: asyncio.create_task(_insist(http, runner, number)) for number in numbers}
        if first // ROUND < KILLS:
            done_at_kill = random.randrange(1, ROUND)
            for each in list(asking.values())[:done_at_kill]:
                await each
            await runner.kill()
            await runner.start()
        threads |= {number: await asked for number, asked in asking.items()}
    return threads


async def test_retries_with_one_key_around_kills_are_one_conversation(tmp_path: Path) -> None:
    write_project(tmp_path)
    runner = Runner(tmp_path)
    await runner.start()
    async with httpx.AsyncClient(timeout=30) as http:
        threads = await _asked_around_kills(http, runner)
        assert [await _insist(http, runner, number) for number in threads] == [*threads.values()]
    assert await runner.stop() == 143
    with closing(sqlite3.connect(tmp_path / "journal.db")) as db:
        written = [id for (id,) in db.execute("select id from conversations")]
    counts = Counter(written)
    assert all(counts[thread] == 1 for thread in threads.values())
    boots = KILLS + 1
    assert len(written) <= ORDERS + boots
    assert len(set(threads.values())) == ORDERS
