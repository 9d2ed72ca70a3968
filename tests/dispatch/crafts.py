"""Handlers that worker processes can import: each does what it is told to by its order.

Those that test a fault end their process, or never end.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xml_pipeline.errors import Denied, Timeout
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import RawPayload, xmlify
from xml_pipeline.system import SystemError, ThreadEnded

log = logging.getLogger("crafts")


@xmlify
@dataclass(frozen=True, slots=True)
class Order:
    """Something to do."""

    what: str
    about: str = ""


@xmlify
@dataclass(frozen=True, slots=True)
class Made:
    """What came of it."""

    what: str


async def craft(order: Order, metadata: HandlerMetadata) -> Any:
    """Do what an order says."""
    if order.what in FATAL:
        FATAL[order.what](order)
    return HandlerResponse.respond(Made(await TRICKS[order.what](order, metadata)))


async def relay(payload: Order | Made, metadata: HandlerMetadata) -> HandlerResponse:
    """Pass an order on, under a key, and tell what came of it."""
    if isinstance(payload, Order):
        metadata.state["asked"] = (payload.what, [1, 2.5, None, b"\0"], payload)
        return HandlerResponse(payload, to="helper", key="first")
    what, plain, order = metadata.state["asked"]
    told = f"{metadata.in_reply_to} {metadata.from_id} {what} {plain} {order.what} {payload.what}"
    return HandlerResponse.respond(Made(told))


async def echo(order: Order, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer with what was asked."""
    return HandlerResponse.respond(Made(f"{order.what} {order.about}".strip()))


async def deny(order: Order, metadata: HandlerMetadata) -> HandlerResponse:
    """Refuse what is asked, and say why."""
    raise Denied(order.about, "what only the log may have")


async def count(order: Order, metadata: HandlerMetadata) -> AsyncIterator[HandlerResponse]:
    """Call oneself until the state has counted to three, and fail once on the way."""
    number = metadata.state["number"] = metadata.state.get("number", 0) + 1
    if number < 3:
        yield HandlerResponse(order, to=metadata.own_name)
    else:
        yield HandlerResponse.respond(Made(f"{number} {metadata.is_self_call} {metadata.hops}"))


async def listen(
    payload: Order | SystemError | ThreadEnded, metadata: HandlerMetadata
) -> HandlerResponse:
    """Pass an order on, and tell how it failed."""
    match payload:
        case Order():
            return HandlerResponse(payload, to="helper")
        case SystemError():
            return HandlerResponse.respond(Made(f"{payload.code} {payload.retry_allowed}"))
        case ThreadEnded():
            return HandlerResponse.respond(Made(f"{payload.listener} said nothing"))


async def take_raw(payload: RawPayload, metadata: HandlerMetadata) -> HandlerResponse:
    """Take any payload."""
    return HandlerResponse.respond(Made(f"{payload.tag} {payload.xml.decode()}"))


async def return_raw(payload: RawPayload, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer with what came."""
    return HandlerResponse.respond(payload)


async def say(order: Order, metadata: HandlerMetadata) -> Any:
    """Say one of several things that are no ordinary answer."""
    return ANSWERS[order.what]()


ANSWERS: Mapping[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "text": lambda: HandlerResponse.respond(b"So be it: <Made><what>text & more</what></Made>"),
    "a number": lambda: 5,
    "what cannot be written": lambda: HandlerResponse.respond(Made("\0")),
    "no payload": lambda: HandlerResponse.respond(object()),
    "too late": lambda: [HandlerResponse.respond(Made("first")), HandlerResponse(Order("x"))],
    "later": lambda: HandlerResponse.respond(Made("later")).after(0.01),
    "somebody will": lambda: HandlerResponse.defer(within=60),
    "to nobody": lambda: HandlerResponse(Order("x"), to="nobody"),
    "a number for a key": lambda: HandlerResponse(Order("x"), key=5),  # type: ignore[arg-type]
    "to a number": lambda: HandlerResponse(Order("x"), to=5),  # type: ignore[arg-type]  # the point
}


def _refuse(order: Order) -> None:
    raise ValueError(f"the secret is {order.about}")


def _leave(order: Order) -> None:
    raise SystemExit(1)


def _give_up(order: Order) -> None:
    raise asyncio.CancelledError


def _be_late(order: Order) -> None:
    raise Timeout("of its own", code="timeout")


def _loop(order: Order) -> None:
    log.warning("loops %d", os.getpid())
    while True:
        pass


def _hoard(order: Order) -> None:
    heap = [bytearray(2**26) for _ in range(1000)]
    log.warning("%d", len(heap))


def _babble(order: Order) -> None:
    """Send what is no frame over the pipe, such as an object that deletes a file if unpickled."""
    payload = f"cposix\nunlink\n(V{order.about}\ntR.".encode()
    for fd in range(3, 64):
        try:
            socket.socket(fileno=os.dup(fd)).sendall(payload)
        except OSError:
            continue


def _multiply(order: Order) -> None:
    """Start a process that outlives a handler, and never end."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    log.warning("started %d", child.pid)
    _loop(order)


FATAL: Mapping[str, Callable[[Order], object]] = {
    "segfault": lambda _: ctypes.string_at(0),
    "exit": lambda order: os._exit(int(order.about or 3)),
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "loop": _loop,
    "hoard": _hoard,
    "raise": _refuse,
    "leave": _leave,
    "give up": _give_up,
    "be late": _be_late,
    "babble": _babble,
    "multiply": _multiply,
}


async def _echo(order: Order, _: HandlerMetadata) -> str:
    return order.about


async def _tell_process(order: Order, _: HandlerMetadata) -> str:
    return str(os.getpid())


async def _print(order: Order, _: HandlerMetadata) -> str:
    sys.stdout.write("to stdout\n")
    sys.stderr.write("x" * 20_000 + "\nto stderr")
    sys.stderr.flush()
    log.info("to the log: %s", order.about)
    return "printed"


async def _spend(order: Order, metadata: HandlerMetadata) -> str:
    metadata.budget.reserve(10, 0.5).settle(7, 0.25)
    metadata.budget.reserve(20).release()
    metadata.budget.reserve(int(order.about))
    return "spent"


async def _spend_and_loop(order: Order, metadata: HandlerMetadata) -> str:
    metadata.budget.reserve(10)
    _loop(order)
    return "never"


async def _know(order: Order, metadata: HandlerMetadata) -> str:
    late = metadata.deadline.isoformat() if metadata.deadline else "never"
    ids = f"{metadata.thread_id} {metadata.conversation_id} {metadata.message_id}"
    who = f"{metadata.own_name} {metadata.from_id} {metadata.tenant} {metadata.attempt}"
    return f"{ids} {who} {late} {metadata.usage_instructions.split(':')[0]}{metadata.todo_nudge}"


async def _look_back(order: Order, metadata: HandlerMetadata) -> str:
    return str(len(metadata.context))


async def _leave_a_task(order: Order, _: HandlerMetadata) -> str:
    task = asyncio.ensure_future(asyncio.Event().wait())
    await asyncio.sleep(0)
    return f"left {task.done()}"


async def _count_tasks(order: Order, _: HandlerMetadata) -> str:
    return str(len(asyncio.all_tasks()))


TRICKS: Mapping[str, Callable[[Order, HandlerMetadata], Any]] = {
    "echo": _echo,
    "process": _tell_process,
    "print": _print,
    "spend": _spend,
    "spend and loop": _spend_and_loop,
    "know": _know,
    "look back": _look_back,
    "leave a task": _leave_a_task,
    "count tasks": _count_tasks,
}
