"""Routes that show threads, and kill them."""

from __future__ import annotations

import logging
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from xml_pipeline.errors import (
    BackendUnavailable,
    Undeliverable,
    UnknownListener,
    UnknownThread,
)
from xml_pipeline.server.chronicle import Chronicle, log_members
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.history import Said, ThreadRecord
from xml_pipeline.server.problems import Problem, by_all_nodes, no_listener
from xml_pipeline.server.rendering import event_members, stamp

log = logging.getLogger(__name__)

_USUAL, _MOST = 100, 1_000
_STATUSES = frozenset({"open", "created", "active", "completed", "error", "killed"})
_NOT_KEPT = frozenset({"traceparent"})
"""What the journal keeps of a conversation, not of each message: so it is told of none."""


class Threads:
    """Open threads, those of the last conversations, and what the journal knows beyond them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._chronicle = Chronicle(desk.organism.kernel.journal, desk.bounds.messages)

    async def list(self, request: Request) -> Response:
        """Show threads, those of the latest conversations first."""
        limit, status = _limit(request), request.query_params.get("status", "")
        listener = request.query_params.get("listener", "")
        if status and status not in _STATUSES:
            raise Problem(400, f"`status` is one of {', '.join(sorted(_STATUSES))}.")
        wanted = {"created", "active"} if status == "open" else {status}

        def is_wanted(record: ThreadRecord) -> bool:
            of_status = not status or record.status in wanted
            return of_status and (not listener or listener in (record.caller, record.callee))

        found = [*islice(filter(is_wanted, self._desk.history.threads()), limit)]
        if request.query_params.get("past") == "true" and len(found) < limit:
            known = {record.conversation for record in self._desk.history.threads()}
            past = filter(is_wanted, await self._chronicle.others(known, limit))
            found += islice(past, limit - len(found))
        return JSONResponse({"threads": [_members(each) for each in found]})

    async def show(self, request: Request) -> Response:
        """Show one thread; of an open one also what only the present knows."""
        record = await self._record(request)
        said = _members(record)
        thread = self._desk.organism.kernel.threads.find(record.id)
        if thread is not None:
            below = [each.id for each in thread.children or ()]
            said |= {"path": thread.path, "hops": thread.hops, "children": below}
        return JSONResponse(said)

    async def messages(self, request: Request) -> Response:
        """Show what was said on a thread, or in all of a conversation, oldest first."""
        record = await self._record(request)
        said = self._desk.history.said(record)
        if self._desk.history.knows_the_beginning_of(record.conversation):
            return JSONResponse({"messages": [_said_members(each) for each in said]})
        past = await self._chronicle.said(record)
        return JSONResponse({"messages": past or [_said_members(each) for each in said]})

    async def log(self, request: Request) -> Response:
        """Show the log of a whole conversation."""
        record = await self._record(request)
        past = await self._chronicle.conversation(record.conversation)
        if past is None:
            raise _unknown()
        return JSONResponse(log_members(past))

    async def kill(self, request: Request) -> Response:
        """Stop a thread and everything below it."""
        thread_id = request.path_params["id"]
        try:
            await self._desk.organism.errands.kill(thread_id, by=self._desk.sender)
        except UnknownThread:
            raise _unknown() from None
        except BackendUnavailable as error:
            words = "Whether the node that holds this thread has stopped it is not known."
            raise Problem(503, words, code="overload", retry_after=error.retry_after) from None
        await self._written()
        log.info("%s killed thread %s", self._desk.sender, thread_id)
        return Response(status_code=204)

    async def kill_all(self, request: Request) -> Response:
        """Stop all the work of a listener, of a tenant, or all there is, as the query says."""
        query, by = request.query_params, self._desk.sender
        listener, tenant = query.get("listener"), query.get("tenant")
        everything = query.get("all") == "true"
        if everything == (listener is not None or tenant is not None):
            raise Problem(400, "Say which: `listener`, `tenant`, or `all=true`.")
        try:
            everywhere = self._desk.organism.kill_all(listener=listener, tenant=tenant, by=by)
        except UnknownListener:
            raise no_listener(listener or "", self._desk.organism.listeners) from None
        with by_all_nodes():
            killed = await everywhere
        await self._written()
        return JSONResponse({"killed": killed})

    async def _written(self) -> None:
        """Wait until what was killed stays killed, whatever becomes of this process."""
        try:
            await self._desk.organism.kernel.journal.written()
        except (BackendUnavailable, Undeliverable):
            words = "It has stopped; whether that will be written down is not known."
            after = BackendUnavailable.retry_after
            raise Problem(503, words, code="overload", retry_after=after) from None

    async def _record(self, request: Request) -> ThreadRecord:
        thread_id = request.path_params["id"]
        record = self._desk.history.thread(thread_id) or await self._chronicle.thread(thread_id)
        if record is None:
            raise _unknown()
        return record


def _unknown() -> Problem:
    return Problem(404, "There is no such thread.")


def _limit(request: Request) -> int:
    given = request.query_params.get("limit", str(_USUAL))
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:9]) <= _MOST:
        raise Problem(400, f"`limit` is a number from 1 to {_MOST}.")
    return int(given)


def _members(record: ThreadRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "conversation": record.conversation,
        "parent": record.parent,
        "caller": record.caller,
        "callee": record.callee,
        "status": record.status,
        "opened": stamp(record.opened),
        "changed": stamp(record.changed),
    }


def _said_members(said: Said) -> dict[str, Any]:
    about = {"event": type(said.event).__name__, "at": stamp(said.at)}
    members = event_members(said.event)
    return about | {name: each for name, each in members.items() if name not in _NOT_KEPT}
