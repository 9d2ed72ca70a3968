"""Routes for questions that wait for people to answer them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from xml_pipeline.errors import BackendUnavailable, InvalidPayload, UnknownThread
from xml_pipeline.owed import Owed, owed
from xml_pipeline.payload import Codec, codec_of
from xml_pipeline.server.body import body_of
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.strict_json import loads
from xml_pipeline.server.unreadable import Unreadable
from xml_pipeline.tools.question import AskPeople, PeopleAnswered

log = logging.getLogger(__name__)

_ASKED: Codec[AskPeople] = codec_of(AskPeople)
_HOW = 'Answers are {"answers": […]}: a text for each question, in their order.'


class Questions:
    """The questions that wait."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, request: Request) -> Response:
        """Show the questions that wait on all nodes."""
        waiting = await self._desk.organism.errands.owed(_ASKED.tag)
        shown: dict[str, object] = {"questions": [_members(*each) for each in _read(waiting.found)]}
        if waiting.unheard:
            shown["unheard"] = list(waiting.unheard)
        return JSONResponse(shown)

    async def answer(self, request: Request) -> Response:
        """Answer those of one thread."""
        body = await body_of(request, self._desk)
        try:
            said = await answer(self._desk, request.path_params["id"], loads(body))
        except Unreadable as error:
            raise self._desk.refuse(error, status=400, words=error.words) from None
        return JSONResponse(said)


async def answer(desk: Desk, thread_id: str, said: object) -> dict[str, Any]:
    """Answer questions as a client says, on whichever node they wait; return them, and the answers.

    Raises Unreadable where these are no answers, or not one for each question; Problem where
    nothing is asked there, or nobody knows whether it still is.
    """
    owed, asked = await _asked(desk, thread_id)
    try:
        reply: PeopleAnswered = codec_of(PeopleAnswered).from_json(said)
    except InvalidPayload as error:
        raise Unreadable(_HOW, str(error)) from None
    if len(reply.answers) != len(asked.questions):
        raise Unreadable(f"{_HOW} There are {len(asked.questions)}.")
    try:
        await desk.organism.errands.answer(thread_id, reply, by=desk.sender)
    except UnknownThread:
        raise _nothing_asked() from None
    except BackendUnavailable as error:
        words = "Whether that was answered is not known: the list says whether it is still asked."
        raise Problem(503, words, code="overload", retry_after=error.retry_after) from None
    log.info("%s answered on thread %s", desk.sender, thread_id)
    return _members(owed, asked) | {"answers": [*reply.answers]}


async def _asked(desk: Desk, thread_id: str) -> tuple[Owed, AskPeople]:
    """Return what is asked on a thread; Problem where nothing is, or nothing any more."""
    organism = desk.organism
    if organism.errands.is_elsewhere(thread_id):
        waiting: Iterable[Owed] = (await organism.errands.owed(_ASKED.tag)).found
    else:
        waiting = owed(organism.kernel, _ASKED.tag)
    found = _read(each for each in waiting if each.id == thread_id)
    if (asked := next(found, None)) is None:
        raise _nothing_asked()
    return asked


def _read(waiting: Iterable[Owed]) -> Iterator[tuple[Owed, AskPeople]]:
    return ((each, _ASKED.from_xml(each.payload.encode())) for each in waiting)


def _members(owed: Owed, asked: AskPeople) -> dict[str, Any]:
    return {
        "id": owed.id,
        "conversation_id": owed.conversation_id,
        "agent": owed.caller,
        "principal": owed.principal,
        "tenant": owed.tenant,
        **_ASKED.to_json(asked),
    }


def _nothing_asked() -> Problem:
    return Problem(404, "Nobody is asked anything there.")
