"""Routes for calls that wait for somebody to decide on them, and for what was learned so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from xml_pipeline.approvals import Approval, Decision
from xml_pipeline.errors import BackendUnavailable, UnknownRule, UnknownThread
from xml_pipeline.server.body import body_of
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.rendering import stamp
from xml_pipeline.server.strict_json import loads
from xml_pipeline.server.unreadable import Unreadable

log = logging.getLogger(__name__)

_DECISIONS = get_args(Decision)
_HOW = (
    'A decision is {"decision": "allow", "deny", "always_allow" or "always_deny",'
    ' "reason": …, "arguments": […]}; the latter two may be left out.'
)


class Approvals:
    """The calls that wait, and the learned rules."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._approvals = desk.organism.approvals

    async def list(self, request: Request) -> Response:
        """Show the calls that wait on all nodes, the oldest first."""
        found = await self._desk.organism.errands.waiting()
        shown: dict[str, object] = {"approvals": [_members(each) for each in found.found]}
        if found.unheard:
            shown["unheard"] = list(found.unheard)
        return JSONResponse(shown)

    async def decide(self, request: Request) -> Response:
        """Decide on one."""
        body = await body_of(request, self._desk)
        try:
            said = await decide(self._desk, request.path_params["id"], loads(body))
        except Unreadable as error:
            raise self._desk.refuse(error, status=400, words=error.words) from None
        return JSONResponse(said)

    async def learned(self, request: Request) -> Response:
        """Show what was decided for always, the oldest first."""
        try:
            rules = await self._approvals.learned()
        except BackendUnavailable as error:
            raise _not_to_be_had(error) from None
        return JSONResponse({"rules": [asdict(each) | {"at": stamp(each.at)} for each in rules]})

    async def forget(self, request: Request) -> Response:
        """Forget one of them."""
        rule, by = request.path_params["id"], self._desk.sender
        try:
            await self._approvals.forget(rule, by=by)
        except UnknownRule:
            raise Problem(404, "There is no such learned rule.") from None
        except BackendUnavailable as error:
            raise _not_to_be_had(error) from None
        log.info("%s let learned rule %s be forgotten", by, rule)
        return Response(status_code=204)


async def decide(desk: Desk, thread_id: str, said: object) -> dict[str, Any]:
    """Decide on a call as a client says, on whichever node it waits; return what was decided.

    Raises Unreadable where it is no decision, Problem where nothing waits there, or where nobody
    knows whether it still does.
    """
    decision, about = _read(desk, said)
    with _told():
        approval = await desk.organism.errands.decide(thread_id, decision, **about)
    return _decided(approval, decision, desk)


def decide_here(desk: Desk, thread_id: str, said: object) -> dict[str, Any]:
    """Decide on a call of this node, as ``decide`` does."""
    decision, about = _read(desk, said)
    with _told():
        approval = desk.organism.approvals.decide(thread_id, decision, **about)
    return _decided(approval, decision, desk)


def _read(desk: Desk, said: object) -> tuple[Decision, dict[str, Any]]:
    if not isinstance(said, dict) or not {"decision", "reason", "arguments"}.issuperset(said):
        raise Unreadable(_HOW)
    decision: Any = said.get("decision")
    reason, arguments = said.get("reason"), said.get("arguments")
    named = arguments is None or isinstance(arguments, list)
    if decision not in _DECISIONS or not isinstance(reason, str | None) or not named:
        raise Unreadable(_HOW)
    if not all(isinstance(each, str) for each in arguments or ()):
        raise Unreadable(_HOW)
    return decision, {"by": desk.sender, "reason": reason or "", "arguments": arguments}


@contextmanager
def _told() -> Iterator[None]:
    """Tell the client why nothing was decided."""
    try:
        yield
    except UnknownThread:
        raise Problem(404, "Nothing waits for a decision there.") from None
    except ValueError as error:
        raise Unreadable("That cannot be decided so.", str(error)) from None
    except BackendUnavailable as error:
        words = "Whether that was decided is not known: the list says whether the call still waits."
        raise Problem(503, words, code="overload", retry_after=error.retry_after) from None


def _decided(approval: Approval, decision: Decision, desk: Desk) -> dict[str, Any]:
    log.info("%s decided on thread %s: %s", desk.sender, approval.id, decision)
    return _members(approval) | {"decision": decision}


def _members(approval: Approval) -> dict[str, Any]:
    times = {"since": stamp(approval.since), "expires": stamp(approval.expires)}
    return asdict(approval) | times


def _not_to_be_had(error: BackendUnavailable) -> Problem:
    words = "Learned rules cannot be had at present; what was asked for may have been done."
    return Problem(503, words, code="overload", retry_after=error.retry_after)
