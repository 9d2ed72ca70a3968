"""What A2A clients ask, answered by the organism.

The rule this file guards: a message is one like any other from outside, with the same sender,
checks and budgets. A client that hangs up leaves its task as it is; who wants it stopped cancels
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from a2a.server.context import ServerCallContext
from a2a.server.events.event_queue import Event
from a2a.server.request_handlers.request_handler import RequestHandler, validate_request_params
from a2a.types.a2a_pb2 import (
    AgentCard,
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
    Task,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import InvalidParamsError, UnsupportedOperationError
from a2a.utils.task import apply_history_length, validate_history_length
from starlette.datastructures import Headers

from xml_pipeline.server.a2a.agents import Agents
from xml_pipeline.server.a2a.answers import fit_for
from xml_pipeline.server.a2a.book import Book
from xml_pipeline.server.a2a.listing import page_of
from xml_pipeline.server.a2a.push import Push
from xml_pipeline.server.a2a.requests import payload_of
from xml_pipeline.server.a2a.telling import as_errors
from xml_pipeline.server.a2a.work import Work

HEADERS = "headers as they came"
"""Where the context of a call has those of its request."""

MOST_OF_AN_ID = 255
"""Characters of an id that a client has chosen."""


class Agent(RequestHandler):
    """Answers clients of one agent; where ``name`` is empty, of the organism as a whole."""

    def __init__(self, name: str, agents: Agents, book: Book, push: Push) -> None:
        self._name = name
        self._agents = agents
        self._book = book
        self._push = push

    @validate_request_params
    async def on_message_send(
        self, params: SendMessageRequest, context: ServerCallContext
    ) -> Task | Message:
        """Begin a task or answer what one asks, and wait until it rests."""
        with as_errors():
            work = await self._sent(params, context)
            await self._book.reached(work)
            if not params.configuration.return_immediately:
                await self._rest(work)
        if work.is_reply:
            return work.status.message
        return _shown(work, params.configuration)

    @validate_request_params
    async def on_message_send_stream(
        self, params: SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        """Begin a task or answer what one asks, and tell what comes of it."""
        with as_errors(), self._book.desk.watching():
            async for event in self._told(await self._sent(params, context)):
                yield event

    @validate_request_params
    async def on_get_task(self, params: GetTaskRequest, context: ServerCallContext) -> Task:
        """Show a task."""
        validate_history_length(params)
        return apply_history_length((await self._found(params.id)).task(), params)

    @validate_request_params
    async def on_list_tasks(
        self, params: ListTasksRequest, context: ServerCallContext
    ) -> ListTasksResponse:
        """Show tasks, the one that changed last first."""
        with as_errors():
            works = await self._book.all(self._name)
        return page_of((each.task() for each in works), params)

    @validate_request_params
    async def on_cancel_task(self, params: CancelTaskRequest, context: ServerCallContext) -> Task:
        """Stop the work on a task."""
        work = await self._found(params.id)
        with as_errors():
            await self._book.cancel(work)
        return work.task()

    @validate_request_params
    async def on_subscribe_to_task(
        self, params: SubscribeToTaskRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        """Tell what comes of a task from now on."""
        work = await self._found(params.id)
        if work.ended:
            raise UnsupportedOperationError("Nothing more comes of this task: it has ended.")
        with as_errors(), self._book.desk.watching():
            async for event in self._told(work):
                yield event

    @validate_request_params
    async def on_create_task_push_notification_config(
        self, params: TaskPushNotificationConfig, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        """Tell an address of a task from now on."""
        work = await self._found(params.task_id)
        return self._push.add(work, await self._push.checked(params))

    @validate_request_params
    async def on_get_task_push_notification_config(
        self, params: GetTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        """Show an address that is told of a task."""
        return self._push.find(await self._found(params.task_id), params.id)

    @validate_request_params
    async def on_list_task_push_notification_configs(
        self, params: ListTaskPushNotificationConfigsRequest, context: ServerCallContext
    ) -> ListTaskPushNotificationConfigsResponse:
        """Show the addresses that are told of a task."""
        work = await self._found(params.task_id)
        return ListTaskPushNotificationConfigsResponse(configs=work.record.push)

    @validate_request_params
    async def on_delete_task_push_notification_config(
        self, params: DeleteTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> None:
        """Tell an address of a task no more."""
        self._push.remove(await self._found(params.task_id), params.id)

    async def on_get_extended_agent_card(
        self, params: GetExtendedAgentCardRequest, context: ServerCallContext
    ) -> AgentCard:
        """Say that a card says everything to everybody."""
        raise UnsupportedOperationError("There is no other card than the open one.")

    async def _found(self, id: str) -> Work:
        with as_errors():
            return await self._book.find(id, self._name)

    async def _sent(self, params: SendMessageRequest, context: ServerCallContext) -> Work:
        """Take a message in, as the beginning of a task or as the answer to what one asks."""
        message, wanted = params.message, params.configuration
        validate_history_length(wanted)
        for name, text in (("messageId", message.message_id), ("contextId", message.context_id)):
            if len(text) > MOST_OF_AN_ID or not text.isprintable():
                raise InvalidParamsError(f"{name}: at most {MOST_OF_AN_ID} visible characters.")
        if message.role != Role.ROLE_USER:
            raise InvalidParamsError("role: a client says what the user says.")
        told = None
        if wanted.HasField("task_push_notification_config"):
            told = await self._push.checked(wanted.task_push_notification_config)
        if message.task_id:
            work = await self._continued(message)
        else:
            work = await self._begun(message, context.state[HEADERS])
        if told is not None:
            self._push.add(work, told)
        return work

    async def _begun(self, message: Message, headers: Headers) -> Work:
        agent = self._agents.addressed(self._name, message)
        payload = payload_of(message, agent)
        return await self._book.begin(agent.name, payload, message, headers)

    async def _continued(self, message: Message) -> Work:
        work = await self._found(message.task_id)
        if message.context_id and message.context_id != work.record.context:
            raise InvalidParamsError("contextId: the task belongs to another context.")
        if work.ended:
            raise UnsupportedOperationError("This task has ended: begin another in its context.")
        if work.question is None:
            raise UnsupportedOperationError("This task asks nothing at present.")
        self._book.answer(work, message)
        return work

    async def _rest(self, work: Work) -> None:
        """Wait until a task has ended, or asks its client something."""
        desk = self._book.desk
        with self._book.following(work), suppress(TimeoutError):
            async with asyncio.timeout(desk.bounds.wait):
                while not (work.at_rest or work.exchange.is_left or desk.closing.is_set()):
                    await work.changed.wait()

    async def _told(self, work: Work) -> AsyncGenerator[Event]:
        """Yield a task as it is, and then what comes of it, until it has ended or asks for input.

        A question that is open from the beginning is none to end with, and neither is one that
        may be settled elsewhere: an authorisation.
        """
        with work.read() as reader:
            task, first = work.task(), work.question  # As it is before this reader is told more.
            await self._book.reached(work)
            with self._book.following(work):
                yield task
                while not (reader.empty() and (work.ended or work.asks_for_input(first))):
                    update = await reader.get()
                    if update is None:
                        return
                    yield update


def _shown(work: Work, wanted: SendMessageConfiguration) -> Task:
    """Return a task as its client wants to see it."""
    task = work.task()
    for artifact in task.artifacts:
        parts = fit_for(tuple(artifact.parts), wanted.accepted_output_modes)
        artifact.ClearField("parts")
        artifact.parts.extend(parts)
    return apply_history_length(task, wanted)
