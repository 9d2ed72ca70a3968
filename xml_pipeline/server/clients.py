"""Clients come and go: how to notice, and how to end a connection that does not go by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import Receive, Scope

ABORT = "abort"
"""Under which our own connections keep, in ``scope["state"]``, what ends them at once."""


@contextmanager
def ends(
    receive: Receive, closing: asyncio.Event
) -> Iterator[tuple[asyncio.Task[None], asyncio.Task[bool]]]:
    """Give two tasks: one is done when the client has hung up, one when the server closes.

    The body of the request must have been read.
    """
    gone = asyncio.create_task(_hang_up(receive))
    closes = asyncio.create_task(closing.wait())
    try:
        yield gone, closes
    finally:
        gone.cancel()
        closes.cancel()


def cutter(scope: Scope) -> Callable[[], None]:
    """Return what ends a connection at once, unread bytes and all.

    Other servers than ours offer no such thing; there a slow client is let be.
    """
    cut: Callable[[], None] = scope.get("state", {}).get(ABORT, _let_be)
    return cut


def _let_be() -> None:
    """Leave a connection to its server."""


async def _hang_up(receive: Receive) -> None:
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
