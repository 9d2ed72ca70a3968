"""Asks one address over HTTP, as all wires do.

The rule it guards: the key leaves this file in the headers of a request, and in nothing else.
Every failure, of the network as of what a reply says, becomes a ProviderError here, whose words
are cleared of the key first; what came with a 401 or 403 is not repeated at all.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import httpx
from httpx_sse import EventSource
from pydantic import SecretStr

from xml_pipeline.llm.errors import ProviderError, Reason, reason_of
from xml_pipeline.llm.wire.connections import Connections
from xml_pipeline.llm.wire.patience import Patience, Watch
from xml_pipeline.llm.wire.reading import Json, branch, document, words
from xml_pipeline.llm.wire.retry_after import asked_delay

MOST_BYTES = 64 * 1024 * 1024
"""What a reply may come to: more is no reply, and would not fit into memory for long."""
MOST_WORDS = 500
"""Characters of a complaint that are repeated."""
LINGER = 0.5
"""Seconds for a stream to end after its last event, so that its connection can be used again."""

_encode = json.JSONEncoder(ensure_ascii=False).encode
_REFUSED = "the key is missing, wrong, or not allowed to do this"


class Complaint(Exception):
    """What is wrong with a reply, before the key is cleared from it.

    ``status`` tells the reason where none is given.
    """

    def __init__(self, words: str, status: int = 0, reason: Reason | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.status = status
        self.reason: Reason = reason or (reason_of(status, words) if status else "server")
        self.retry_after: float | None = None


class Answer:
    """A reply that has begun."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        kind = response.headers.get("content-type", "")
        self.streamed = kind.partition(";")[0].strip().lower() == "text/event-stream"

    async def document(self) -> Json:
        """Return a reply that comes whole."""
        try:
            return document(await self._response.aread())
        except ValueError as error:
            raise Complaint(f"the reply cannot be read: {error}") from None

    async def feed(self, take: Callable[[Json | None], bool]) -> None:
        """Give each event of a stream to ``take``, until it says that this was the last one.

        It is given None for the ``[DONE]`` that ends some streams.
        """
        self._response.encoding = "utf-8"  # an event stream has no other
        async with aclosing(EventSource(self._response).aiter_sse()) as events:
            async for event in events:
                if event.data and take(_event(event.data)):
                    break
            with suppress(TimeoutError, httpx.HTTPError, Complaint):
                async with asyncio.timeout(LINGER):
                    async for _ in events:
                        pass


class Endpoint:
    """One address with one key, and the connections to it."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        headers: Mapping[str, str],
        key: SecretStr | None,
        patience: Patience,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._name = name
        self._url = url
        self._headers = {**headers, "content-type": "application/json"}
        self._key = key.get_secret_value() if key else ""
        self._patience = patience
        self._transport = transport
        # Reads all certificates, so once for all connections.
        self._trust = True if transport else httpx.create_ssl_context()
        self._connections = Connections(self._client)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._connections.aclose()

    @asynccontextmanager
    async def asked(self, body: Json, *, streamed: bool) -> AsyncIterator[Answer]:
        """Ask, and give the answer as soon as it begins. Raises ProviderError."""
        clock = asyncio.timeout(None)
        watch = Watch(self._patience, clock, streamed=streamed)
        try:
            async with self._connections.one() as client, clock:
                watch.begin()
                response = await self._sent(client, body)
                try:
                    response.stream = _Watched(response.stream, watch)
                    await _check(response)
                    yield Answer(response)
                finally:
                    await response.aclose()
        except Complaint as complaint:
            raise self._failed(complaint) from None
        except TimeoutError:
            raise self._failed(Complaint(watch.verdict, reason="network")) from None
        except httpx.HTTPError as error:
            what = f"{type(error).__name__}: {error}"
            raise self._failed(Complaint(what, reason="network")) from None

    def _client(self, limits: httpx.Limits) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers={"accept-encoding": "identity", "user-agent": "xml-pipeline"},
            timeout=httpx.Timeout(None, connect=self._patience.connect),  # the others: see Watch
            limits=limits,
            verify=self._trust,
            transport=self._transport,
        )

    async def _sent(self, client: httpx.AsyncClient, body: Json) -> httpx.Response:
        # A lone surrogate, half of an emoji that a model has cut, is no UTF-8: it becomes a "?".
        content = _encode(body).encode(errors="replace")
        request = client.build_request("POST", self._url, content=content, headers=self._headers)
        return await client.send(request, stream=True)

    def _failed(self, complaint: Complaint) -> ProviderError:
        text = _REFUSED if complaint.reason == "auth" else complaint.words
        if self._key:
            text = text.replace(self._key, "…")
        status = f" (HTTP {complaint.status})" if complaint.status else ""
        return ProviderError(
            complaint.reason,
            f"{self._name}: {' '.join(text.split())[:MOST_WORDS]}{status}",
            status=complaint.status,
            retry_after=complaint.retry_after,
        )


class _Watched(httpx.AsyncByteStream):
    """The bytes of a reply, each of which is waited for, and which are not without end."""

    def __init__(self, stream: Any, watch: Watch) -> None:
        self._stream = stream
        self._watch = watch

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            self._watch.heard()
            size += len(chunk)
            if size > MOST_BYTES:
                raise Complaint(f"the reply is longer than {MOST_BYTES} bytes")
            yield chunk
        yield b"\n\n"  # ends the last event of a stream that does not

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _check(response: httpx.Response) -> None:
    """Raise what is wrong where a reply is none."""
    if response.status_code == httpx.codes.OK:
        return
    if response.is_redirect:  # not followed: the key would go along
        raise Complaint("moved; see its `base_url`", response.status_code)
    body = (await response.aread()).decode(errors="replace")
    complaint = Complaint(_said_in(body) or response.reason_phrase, response.status_code)
    complaint.retry_after = asked_delay(response.headers)
    raise complaint


def _said_in(body: str) -> str:
    """Return the sentences in the body of an error, or all of it."""
    try:
        found = document(body)
    except ValueError:
        return body
    return sentence(found) or words(found, "message") or words(found, "detail") or body


def sentence(found: Json) -> str:
    """Return what the `error` in a document says, that of whom the provider asked included."""
    error = branch(found, "error")
    said = words(error, "message") or words(found, "error")
    passed_on = words(branch(error, "metadata"), "raw")
    return " ".join(filter(None, (said, words(error, "code"), passed_on)))


def _event(data: str) -> Json | None:
    if data.strip() == "[DONE]":
        return None
    try:
        return document(data)
    except ValueError:
        raise Complaint("the stream was cut off in an event", reason="network") from None
