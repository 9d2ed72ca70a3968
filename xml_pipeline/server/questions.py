"""Routes for questions that wait for people to answer them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from xml_pipeline.errors import InvalidPayload, UnknownThread
from xml_pipeline.payload import codec_of
from xml_pipeline.server.body import body_of
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.strict_json import loads
from xml_pipeline.server.unreadable import Unreadable
from xml_pipeline.thread import Thread
from xml_pipeline.tools.question import AskPeople, PeopleAnswered

log = logging.getLogger(__name__)

_HOW = 'Answers are {"answers": […]}: a text for each question, in their order.'


class Questions:
    """The questions that wait."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, request: Request) -> Response:
        """Show the questions that wait, those of the oldest conversation first."""
        return JSONResponse({"questions": [*waiting(self._desk)]})

    async def answer(self, request: Request) -> Response:
        """Answer those of one thread."""
        body = await body_of(request, self._desk)
        try:
            said = answer(self._desk, request.path_params["id"], loads(body))
        except Unreadable as error:
            raise self._desk.refuse(error, status=400, words=error.words) from None
        return JSONResponse(said)


def waiting(desk: Desk) -> Iterator[dict[str, Any]]:
    """Yield what waits for people, as a client is shown it."""
    for thread in desk.organism.kernel.threads:
        if (asked := _asked(thread)) is not None:
            yield _members(thread, asked)


def answer(desk: Desk, thread_id: str, said: object) -> dict[str, Any]:
    """Answer questions as a client says; return them, and the answers.

    Raises Unreadable where these are no answers, or not one for each question; Problem where
    nothing is asked there.
    """
    thread = desk.organism.kernel.threads.find(thread_id)
    asked = _asked(thread) if thread is not None else None
    if thread is None or asked is None:
        raise _nothing_asked()
    try:
        reply: PeopleAnswered = codec_of(PeopleAnswered).from_json(said)
    except InvalidPayload as error:
        raise Unreadable(_HOW, str(error)) from None
    if len(reply.answers) != len(asked.questions):
        raise Unreadable(f"{_HOW} There are {len(asked.questions)}.")
    try:
        desk.organism.answer(thread_id, reply, by=desk.sender)
    except UnknownThread:
        raise _nothing_asked() from None
    log.info("%s answered on thread %s", desk.sender, thread_id)
    return _members(thread, asked) | {"answers": [*reply.answers]}


def _asked(thread: Thread) -> AskPeople | None:
    """Return what is asked on a thread, None where nothing is, or nothing any more."""
    payload = thread.slots[-1].payload if thread.owed is not None and thread.slots else None
    return payload if isinstance(payload, AskPeople) else None


def _members(thread: Thread, asked: AskPeople) -> dict[str, Any]:
    whose = thread.conversation
    return {
        "id": thread.id,
        "conversation_id": whose.id,
        "agent": thread.caller,
        "principal": whose.principal,
        "tenant": whose.tenant,
        **codec_of(AskPeople).to_json(asked),
    }


def _nothing_asked() -> Problem:
    return Problem(404, "Nobody is asked anything there.")
