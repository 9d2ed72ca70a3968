"""Notifications: what comes of a task is told to an address that its client has named.

The rule this file guards: nothing is sent to an address that is not on the internet, or in a
network that the file names. That is judged when an address is given and at every connection.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from ipaddress import ip_network
from uuid import uuid4

import certifi
import httpcore
import httpx
from a2a.types.a2a_pb2 import StreamResponse, TaskArtifactUpdateEvent, TaskPushNotificationConfig
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError, UnsupportedOperationError
from a2a.utils.proto_utils import to_stream_response
from google.protobuf.json_format import MessageToDict

from xml_pipeline.server.a2a.work import Update, Work
from xml_pipeline.server.bounds import Bounds
from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.web.connecting import GuardedNetwork

log = logging.getLogger(__name__)

WITHIN = 15.0
"""Seconds that one attempt may take."""


class Push:
    """Sends notifications, each address in order, and on its own."""

    def __init__(self, networks: Sequence[str], bounds: Bounds) -> None:
        self._bounds = bounds
        self._network = GuardedNetwork(tuple(map(ip_network, networks)))
        self._telling: dict[tuple[str, str], asyncio.Task[None]] = {}

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Reads all certificates, so only once somebody wants to be told.
        return ssl.create_default_context(cafile=certifi.where())

    def close(self) -> None:
        """Send nothing more."""
        for each in self._telling.values():
            each.cancel()

    async def checked(self, config: TaskPushNotificationConfig) -> TaskPushNotificationConfig:
        """Return where to send notifications; InvalidParamsError where they may not be sent."""
        try:
            url = httpx.URL(config.url)
        except httpx.InvalidURL:
            raise InvalidParamsError("url: this is none.") from None
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise InvalidParamsError("url: one of http or https, with a host and no user.")
        words = (config.token, config.authentication.scheme, config.authentication.credentials)
        if not all(each.isascii() and each.isprintable() for each in words):
            raise InvalidParamsError("token, authentication: only visible characters of ASCII.")
        try:
            await self._network.addresses(url.host, url.port or 443)
        except ToolFailed as error:
            raise InvalidParamsError(f"url: {error}.") from None
        checked = TaskPushNotificationConfig()
        checked.CopyFrom(config)
        checked.id = config.id or str(uuid4())
        return checked

    def add(self, work: Work, config: TaskPushNotificationConfig) -> TaskPushNotificationConfig:
        """Tell one more address of a task; the one of the same id, if there is one, no more."""
        config.task_id = work.id
        others = tuple(each for each in work.record.push if each.id != config.id)
        bounds = self._bounds
        if len(others) >= bounds.addresses or len(self._telling) >= bounds.notified:
            raise UnsupportedOperationError("Too many addresses are to be told of something.")
        self._stop(work, config.id)
        work.keep(replace(work.record, push=(*others, config)))
        self.attend(work)
        return config

    def attend(self, work: Work) -> None:
        """Tell every address of a task that is to be told."""
        for config in work.record.push:
            key = work.id, config.id
            if not work.ended and key not in self._telling:
                telling = asyncio.create_task(self._tell(work, config), name="a2a notifications")
                self._telling[key] = telling
                telling.add_done_callback(partial(self._done, key))

    def remove(self, work: Work, id: str) -> None:
        """Tell an address of a task no more."""
        self._stop(work, id)
        left = tuple(each for each in work.record.push if each.id != id)
        if left != work.record.push:
            work.keep(replace(work.record, push=left))

    def find(self, work: Work, id: str) -> TaskPushNotificationConfig:
        """Return an address that is told of a task; TaskNotFoundError."""
        for each in work.record.push:
            if each.id == id:
                return each
        raise TaskNotFoundError

    def _stop(self, work: Work, id: str) -> None:
        telling = self._telling.pop((work.id, id), None)
        if telling is not None:
            telling.cancel()

    def _done(self, key: tuple[str, str], done: asyncio.Task[None]) -> None:
        if self._telling.get(key) is done:
            del self._telling[key]

    async def _tell(self, work: Work, config: TaskPushNotificationConfig) -> None:
        with work.read() as reader:
            while update := await reader.get():
                if said := _whole(work, update):
                    await self._send(config, said)
                if work.ended and reader.empty():
                    return

    async def _send(self, config: TaskPushNotificationConfig, said: StreamResponse) -> None:
        body = json.dumps(MessageToDict(said)).encode()
        error: Exception | None = None
        for pause in (0.0, *self._bounds.notify_again):
            await asyncio.sleep(pause)
            try:
                async with asyncio.timeout(WITHIN):
                    await self._post(config, body)
                return
            except (
                ToolFailed,
                TimeoutError,
                httpcore.NetworkError,
                httpcore.ProtocolError,
                httpcore.TimeoutException,
            ) as failed:
                error = failed
        log.warning("task %s: %s was not told: %r", config.task_id, config.id, error)

    async def _post(self, config: TaskPushNotificationConfig, body: bytes) -> None:
        pool = httpcore.AsyncConnectionPool(self._tls, network_backend=self._network)
        async with pool:
            response = await pool.request(
                "POST", config.url, headers=_headers(config), content=body
            )
        if not 200 <= response.status < 300:
            raise ToolFailed(f"it says {response.status}")


def _whole(work: Work, update: Update) -> StreamResponse | None:
    """Return what is sent: of an artifact only the whole, once it is there."""
    if not isinstance(update, TaskArtifactUpdateEvent):
        return to_stream_response(update)
    if not update.last_chunk:
        return None
    whole = TaskArtifactUpdateEvent(
        task_id=update.task_id,
        context_id=update.context_id,
        artifact=work.task().artifacts[0],
        last_chunk=True,
    )
    return to_stream_response(whole)


def _headers(config: TaskPushNotificationConfig) -> list[tuple[str, str]]:
    headers = [("Content-Type", "application/json"), ("User-Agent", "xml-pipeline")]
    if config.token:
        headers.append(("X-A2A-Notification-Token", config.token))
    access = config.authentication
    if access.scheme and access.credentials:
        headers.append(("Authorization", f"{access.scheme} {access.credentials}"))
    return headers
