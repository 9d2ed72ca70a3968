"""One message to an agent elsewhere, and all that it says until it has answered, or asks for more.

Where it streams we listen; where it does not, or its stream breaks, we ask it how far it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Protocol

from a2a.client import Client, ClientCallContext
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    SendMessageRequest,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
)

from xml_pipeline.a2a.failures import TROUBLES, AgentFailed, failure_of
from xml_pipeline.config import A2aAgentConfig

log = logging.getLogger(__name__)

LONGEST_PAUSE = 15.0
"""Seconds between two questions of how far it is, at most."""

MOST_FAILURES = 8
"""Questions in a row without an answer, after which nothing more is hoped for."""

PATIENCE = 5.0
"""Seconds for which it is tried to have a task cancelled."""

OVER = frozenset(
    {
        TaskState.TASK_STATE_COMPLETED,
        TaskState.TASK_STATE_FAILED,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_REJECTED,
        TaskState.TASK_STATE_INPUT_REQUIRED,
        TaskState.TASK_STATE_AUTH_REQUIRED,
    }
)
"""States in which it is somebody else's turn, or nobody's."""

Heard = Task | Message


class Ear(Protocol):
    """Whoever wants to know how it goes on."""

    def begun(self, task: str) -> None:
        """Hear which task has been made of the message."""

    def told(self, words: Message) -> None:
        """Hear what is said of its progress."""


class Exchange:
    """A message on its way, and what has been heard so far."""

    def __init__(self, name: str, client: Client, config: A2aAgentConfig, ear: Ear) -> None:
        self._name = name
        self._client = client
        self._poll = config.poll
        self._promptly = ClientCallContext(timeout=config.connect_timeout)
        self._ear = ear
        self._task = Task()
        self._message: Message | None = None
        self._known = asyncio.Event()

    @property
    def _is_over(self) -> bool:
        return self._message is not None or self._task.status.state in OVER

    async def run(self, message: Message, begun: str = "") -> Heard:
        """Send the message and wait for what comes of it; AgentFailed says why nothing does.

        ``begun`` is a task that was made of it before: it is not sent again then, unless nothing
        can come of that task any more.
        """
        if not (begun and await self._is_alive(begun)):
            await self._send(message)
        if not self._is_over:
            await self._follow()
        return self._message or self._task

    async def give_up(self) -> None:
        """Have the task cancelled, if there is one: nobody waits for it any more."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._known.wait()
                if self._task.id and not self._is_over:
                    await self._client.cancel_task(CancelTaskRequest(id=self._task.id))
        except TimeoutError:
            log.warning("%s was not told in time that nobody waits any more", self._name)
        except TROUBLES as error:
            why = failure_of(self._name, error)
            log.warning("%s was not told that nobody waits any more: %s", self._name, why)

    async def _is_alive(self, task: str) -> bool:
        try:
            self._task = await self._asked(task)
        except TROUBLES as error:
            failure = failure_of(self._name, error)
            if failure.passing:
                raise failure from None
            return False
        if self._task.status.state == TaskState.TASK_STATE_CANCELED:
            self._task = Task()
            return False
        self._known.set()
        return True

    async def _send(self, message: Message) -> None:
        try:
            await self._listen(message)
        except AgentFailed as error:
            if not (self._task.id and error.passing):
                raise
            log.warning("%s; it is asked how far it is", error)

    async def _listen(self, message: Message) -> None:
        """Hear what is said; who has answered, or asks for more, is not listened to further."""
        events = self._client.send_message(SendMessageRequest(message=message))
        try:
            while not self._is_over and (event := await self._next(events)) is not None:
                self._hear(event)
        finally:
            self._known.set()
        if not self._is_over and not self._task.id:
            raise AgentFailed(f"{self._name} has said nothing")

    async def _next(self, events: AsyncIterator[StreamResponse]) -> StreamResponse | None:
        try:
            return await anext(events, None)
        except TROUBLES as error:
            raise failure_of(self._name, error) from None

    def _hear(self, event: StreamResponse) -> None:
        if event.HasField("message"):
            self._message = event.message
        elif event.HasField("task"):
            self._take(event.task)
        elif event.HasField("status_update"):
            update = event.status_update
            self._note(update.task_id, update.context_id)
            self._tell(update.status)
            self._task.status.CopyFrom(update.status)
        elif event.HasField("artifact_update"):
            self._note(event.artifact_update.task_id, event.artifact_update.context_id)
            _add(self._task, event.artifact_update)
        if self._task.id and not self._known.is_set():
            self._ear.begun(self._task.id)
            self._known.set()

    def _note(self, task: str, context: str) -> None:
        self._task.id = self._task.id or task
        self._task.context_id = self._task.context_id or context

    async def _follow(self) -> None:
        """Ask how far it is, until it is over."""
        pause, failures = self._poll, 0
        while not self._is_over:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            try:
                self._take(await self._asked(self._task.id))
                failures = 0
            except TROUBLES as error:
                failures += 1
                failure = failure_of(self._name, error)
                if failures > MOST_FAILURES or not failure.passing:
                    raise AgentFailed(str(failure)) from None
                log.info("%s; it is asked again", failure)

    async def _asked(self, task: str) -> Task:
        return await self._client.get_task(GetTaskRequest(id=task), context=self._promptly)

    def _take(self, task: Task) -> None:
        self._tell(task.status)
        self._task = task

    def _tell(self, status: TaskStatus) -> None:
        """Tell what is said of how far it is, if that was not said before."""
        if status.HasField("message") and status.message != self._task.status.message:
            self._ear.told(status.message)


def _add(task: Task, update: TaskArtifactUpdateEvent) -> None:
    """Put what has come of an artifact where it belongs."""
    new = update.artifact
    for each in task.artifacts:
        if each.artifact_id == new.artifact_id:
            if update.append:
                each.parts.extend(new.parts)
            else:
                each.CopyFrom(new)
            return
    task.artifacts.append(new)
