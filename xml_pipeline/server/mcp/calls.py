"""What clients ask of listeners, as messages.

The rule this file guards: a call is a message like any other from outside, with the same sender,
checks and budgets; whoever stops waiting for it stops the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from mcp import MCPError, types

from xml_pipeline.errors import InvalidPayload, Unanswered
from xml_pipeline.listener import Listener
from xml_pipeline.message import Delivery
from xml_pipeline.payload import codec_of
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.exchange import Exchange
from xml_pipeline.server.mcp.lasting import Context, is_modern
from xml_pipeline.server.mcp.ongoing import Aim, Ongoing, Waiting
from xml_pipeline.server.mcp.questions import (
    Question,
    is_able,
    none_of,
    put,
    response_of,
    unable,
)
from xml_pipeline.server.mcp.tasks import Tasks
from xml_pipeline.server.mcp.telling import telling
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.subjects import subject_in
from xml_pipeline.steps.seal import seal
from xml_pipeline.subject import Subject

Given = dict[str, types.InputResponse]
"""What a client answers to questions, by their keys; taken out once it is used."""


class Calls:
    """Has listeners answer clients, who may be asked something meanwhile."""

    def __init__(self, desk: Desk, tasks: Tasks) -> None:
        self._desk = desk
        self._tasks = tasks
        self._waiting = Waiting()

    async def begin(
        self, context: Context, aim: Aim, payload: Any, params: types.InputResponseRequestParams
    ) -> Any:
        """Ask a listener for a client; the answer, or what the client is to say first.

        What the client says of its own accord answers the questions of those keys.
        """
        patience = self._tasks.patience(context, aim)
        exchange = self._submitted(aim.listener, payload, _subject(context))
        call = Ongoing(self._desk, aim, exchange)
        if patience == 0.0:
            return self._tasks.begun(context, call)
        return await self._run(context, call, (), dict(params.input_responses or {}))

    async def resume(
        self,
        context: Context,
        method: str,
        name: str,
        params: types.InputResponseRequestParams,
    ) -> Any:
        """Go on with a call whose client was sent away with questions."""
        call, questions = self._waiting.taken(params.request_state or "", method, name)
        return await self._run(context, call, questions, dict(params.input_responses or {}))

    async def ask(self, listener: Listener, payload: Any) -> Any:
        """Ask a listener something that is not worth a question to the client."""
        exchange = self._submitted(listener, payload)
        call = Ongoing(self._desk, Aim("", "", listener, asyncio.Future.result), exchange)
        try:
            while questions := await call.questions():
                for question in questions:
                    call.reply(question, none_of(question.request))
        except asyncio.CancelledError:
            call.abandon()
            raise
        call.close()
        return answered(exchange.answer)

    async def _run(
        self, context: Context, call: Ongoing, questions: Sequence[Question], given: Given
    ) -> Any:
        """Wait for the answer to a call, or for what is to be asked of its client meanwhile."""
        try:
            async with telling(context, call):
                left = await self._rounds(context, call, questions, given)
        except TimeoutError:
            return self._tasks.begun(context, call)
        except asyncio.CancelledError:
            call.abandon()
            raise
        except MCPError as error:
            call.abandon(error.message)
            raise
        if left:
            return self._waiting.left(call, left)
        call.close()
        return call.aim.finish(call.exchange.answer)

    async def _rounds(
        self, context: Context, call: Ongoing, questions: Sequence[Question], given: Given
    ) -> Sequence[Question]:
        """Put what is asked to the client until there is an answer.

        Returns the questions for which it has to be sent away. TimeoutError where it need not wait
        for more of them, nor for the answer.
        """
        while True:
            left = [each for each in questions if not _settled(context, call, each, given)]
            if left and is_modern(context):
                return left
            for question in left:
                response = await call.unless_over(put(context, question))
                if response is None:
                    return ()
                call.reply(question, response)
            patience = self._tasks.patience(context, call.aim)
            questions = await asyncio.wait_for(call.questions(), patience or None)
            if not questions:
                return ()

    def _submitted(
        self, listener: Listener, payload: Any, subject: Subject | None = None
    ) -> Exchange:
        sender, codec = self._desk.sender, codec_of(type(payload))
        try:
            return self._desk.submit(seal(codec, payload, sender, listener.name, ""), subject)
        except InvalidPayload as error:  # It holds what XML cannot carry.
            raise MCPError(types.INVALID_PARAMS, str(error)) from None
        except Problem as problem:
            raise MCPError(types.INTERNAL_ERROR, str(problem)) from None


def _subject(context: Context) -> Subject | None:
    """Return the person for whom a client calls; over standard streams it cannot say."""
    if context.request is None:
        return None
    try:
        return subject_in(context.request.headers)
    except Problem as problem:
        raise MCPError(types.INVALID_REQUEST, str(problem)) from None


def answered(answer: asyncio.Future[Delivery]) -> Any:
    """Return the payload of an answer; MCPError where there is none."""
    try:
        return answer.result().payload
    except Unanswered as error:
        raise MCPError(types.INTERNAL_ERROR, str(error)) from None


def _settled(context: Context, call: Ongoing, question: Question, given: Given) -> bool:
    """Answer a question that need not be put: MCPError where it would have to be, and cannot."""
    response = response_of(question, given.pop(question.key, None))
    if response is None and not is_able(context, question.request):
        if question.required:
            raise unable(question.request)
        response = none_of(question.request)
    if response is not None:
        call.reply(question, response)
    return response is not None
