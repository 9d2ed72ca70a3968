"""Tells a client how far its call has come, and what its listener has to say of it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import anyio
from mcp import types

from xml_pipeline.events import AgentEvent, LogLevel, ToolProgress
from xml_pipeline.server.mcp.lasting import Context, levels
from xml_pipeline.server.mcp.ongoing import News, Ongoing

MOST_UNTOLD = 1_000
"""What one client may still be to hear of one call."""


@asynccontextmanager
async def telling(context: Context, call: Ongoing) -> AsyncIterator[None]:
    """Tell the client of a call what it wants to know, until it is told the answer."""
    teller = _Teller(context, call.aim.name)
    if not teller.wanted:
        yield
        return
    news: asyncio.Queue[News | None] = asyncio.Queue(MOST_UNTOLD)
    call.tell = partial(_offer, news)
    telling = asyncio.create_task(teller.tell(news))
    try:
        yield
    finally:
        call.tell = None
        _offer(news, None)
        await telling


def _offer(news: asyncio.Queue[News | None], event: News | None) -> None:
    """Have something told; a client that is slow does not hear of what is oldest."""
    if news.full():
        news.get_nowait()
    news.put_nowait(event)


class _Teller:
    """What one client wants to know of one call."""

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name
        self._levels = levels(context)
        self._wants_progress = bool(context.meta and "progress_token" in context.meta)
        self._steps = 0

    @property
    def wanted(self) -> bool:
        """Tell whether the client wants to know anything."""
        return self._wants_progress or bool(self._levels)

    async def tell(self, news: asyncio.Queue[News | None]) -> None:
        """Tell all there is, as long as somebody is there."""
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while event := await news.get():
                await self._one(event)

    async def _one(self, event: News) -> None:
        if isinstance(event, ToolProgress):
            await self._progress(event.progress, event.total, event.message)
        elif isinstance(event, AgentEvent):
            words = event.step.replace("_", " ")
            self._steps += 1
            await self._progress(self._steps, None, words)
            await self._log("debug", words)
        else:
            await self._log(event.level, event.message)

    async def _progress(self, done: float, total: float | None, words: str) -> None:
        if self._wants_progress:
            await self._context.session.report_progress(done, total, words or None)

    async def _log(self, level: LogLevel, words: str) -> None:
        if level in self._levels:
            said = types.LoggingMessageNotificationParams(
                level=level, logger=self._name, data=words
            )
            await self._context.session.send_notification(
                types.LoggingMessageNotification(params=said), self._context.request_id
            )
