"""The loop under timing tests: it jumps, keeps order, waits for the outside, never hangs."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from tests.virtual_clock import Deadlock, VirtualClockLoop

pytestmark = pytest.mark.virtual_clock

HOUR = 3600.0


async def test_an_hour_of_waiting_takes_no_time() -> None:
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    await asyncio.sleep(HOUR)
    assert loop.time() == HOUR
    assert time.monotonic() - began < 5.0


async def test_timers_fire_in_the_order_of_their_times() -> None:
    loop = asyncio.get_running_loop()
    fired: list[tuple[float, str]] = []

    async def note(name: str, delay: float) -> None:
        await asyncio.sleep(delay)
        fired.append((loop.time(), name))

    async with asyncio.TaskGroup() as group:
        for name, delay in (("last", HOUR), ("first", 1.0), ("middle", 60.0)):
            group.create_task(note(name, delay))
    assert fired == [(1.0, "first"), (60.0, "middle"), (HOUR, "last")]


async def test_a_timeout_cancels_what_takes_longer() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30.0):
            await asyncio.sleep(HOUR)
    assert loop.time() == 30.0


async def test_a_timeout_leaves_alone_what_is_quicker() -> None:
    async with asyncio.timeout(30.0):
        await asyncio.sleep(29.0)
    assert asyncio.get_running_loop().time() == 29.0


async def test_callbacks_take_no_time() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert loop.time() == 0.0


async def test_the_clock_does_not_jump_while_a_thread_is_at_work() -> None:
    gate = threading.Event()
    loop = asyncio.get_running_loop()
    work = asyncio.ensure_future(asyncio.to_thread(gate.wait, 10.0))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(work), 0.01)
    assert 0.01 <= loop.time() < 10.0
    gate.set()
    assert await work


async def test_the_clock_does_not_jump_while_a_socket_is_open() -> None:
    loop = asyncio.get_running_loop()
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        read = asyncio.ensure_future(loop.sock_recv(near, 1))
        loop.call_later(0.01, far.send, b"!")
        assert await asyncio.wait_for(read, HOUR) == b"!"
    assert loop.time() < 60.0


def test_a_loop_that_nothing_can_wake_fails_instead_of_hanging() -> None:
    with (
        pytest.raises(Deadlock, match="nothing is scheduled"),
        asyncio.Runner(loop_factory=VirtualClockLoop) as runner,
    ):
        runner.run(asyncio.Event().wait())


def test_a_deadlock_after_a_timer_is_found_too() -> None:
    async def wait_in_vain() -> None:
        await asyncio.sleep(HOUR)
        await asyncio.get_running_loop().create_future()

    with (
        pytest.raises(Deadlock),
        asyncio.Runner(loop_factory=VirtualClockLoop) as runner,
    ):
        runner.run(wait_in_vain())


def test_the_loop_closes_although_its_executor_was_used() -> None:
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        assert runner.run(asyncio.to_thread(threading.get_ident)) != threading.get_ident()
