"""Routes for dead letters: look at them, send one once more, throw one away."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import takewhile
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from xml_pipeline.backends import DeadLetter
from xml_pipeline.errors import BackendUnavailable, Rejected, UnknownLetter, UnknownListener
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.rendering import stamp

log = logging.getLogger(__name__)


class DeadLetters:
    """The messages that were given up."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._organism = desk.organism

    async def list(self, request: Request) -> Response:
        """Show all of them, the oldest first."""
        async with _told():
            letters = await self._organism.dead_letters()
        return JSONResponse({"letters": [self._members(each) for each in letters]})

    async def show(self, request: Request) -> Response:
        """Show one."""
        wanted = request.path_params["id"]
        async with _told():
            for each in await self._organism.dead_letters():
                if each.id == wanted:
                    return JSONResponse(self._members(each))
            raise UnknownLetter(wanted)

    async def replay(self, request: Request) -> Response:
        """Send one once more."""
        letter, by = request.path_params["id"], self._desk.sender
        async with _told():
            thread = await self._organism.replay(letter, sender=by, by=by)
        log.info("%s sent dead letter %s once more: thread %s", by, letter, thread)
        where = {"Location": f"/v1/threads/{thread}"}
        return JSONResponse({"thread": thread, "id": f"{thread}.1"}, 202, where)

    async def drop(self, request: Request) -> Response:
        """Throw one away."""
        letter, by = request.path_params["id"], self._desk.sender
        async with _told():
            await self._organism.drop(letter, by=by)
        log.info("%s dropped dead letter %s", by, letter)
        return Response(status_code=204)

    def _members(self, letter: DeadLetter) -> dict[str, Any]:
        """Return a letter as a JSON object; it is sent once more with the secrets it has."""
        redact = self._organism.kernel.redacting
        return {
            "id": letter.id,
            "message_id": letter.message_id,
            "conversation_id": letter.conversation_id,
            "listener": letter.listener,
            "sender": letter.sender,
            "tenant": letter.tenant,
            "attempts": letter.attempts,
            "reason": redact(_without_stack(letter.reason)),
            "payload": redact(letter.payload.decode(errors="replace")),
            "at": stamp(letter.at),
        }


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """Tell the client of what went wrong."""
    try:
        yield
    except UnknownLetter:
        raise Problem(404, "There is no such dead letter.") from None
    except (UnknownListener, Rejected) as error:
        log.warning("a dead letter stays where it is: %s", error)
        words = "Its listener is not there, or accepts it no longer; the letter stays."
        raise Problem(409, words) from None
    except BackendUnavailable as error:
        words = "Dead letters cannot be had at present; what was asked for may have been done."
        after = error.retry_after
        raise Problem(503, words, code="overload", retry_after=after) from None


def _without_stack(reason: str) -> str:
    """Return what is below the stack of calls, which is for the log only."""
    below = takewhile(lambda line: not line.startswith("  "), reversed(reason.splitlines()))
    return "\n".join(reversed([*below])).strip()
