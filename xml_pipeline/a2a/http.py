"""How we speak HTTP with agents elsewhere.

The rule this file guards: we go where the operator's file says and nowhere else, our credentials
as well; and what comes is no more than we want to hold.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator

import httpx

from xml_pipeline.config import A2aAgentConfig, A2aAuthConfig

MOST_BYTES = 32 << 20
"""Bytes of one answer, streams included."""

EARLY = 30.0
"""Seconds before its end in which a token is not used any more."""

UNAUTHORIZED = 401


class TooMuch(httpx.RequestError):
    """An agent sends more than we want to hold, or in a form that nobody can measure."""


class NoToken(httpx.RequestError):
    """There is no token to be had, so the agent was not asked."""


class Measured(httpx.AsyncByteStream):
    """The body of an answer, of so many bytes at most."""

    def __init__(self, response: httpx.Response, stream: httpx.AsyncByteStream, most: int) -> None:
        self._response = response
        self._stream = stream
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                words = f"it sends more than {self._most} bytes"
                raise TooMuch(words, request=self._response.request)
            yield chunk

    async def aclose(self) -> None:
        """Hear no more."""
        await self._stream.aclose()


def opened(config: A2aAgentConfig, most: int = MOST_BYTES) -> httpx.AsyncClient:
    """Return what speaks to one agent; whoever opens it closes it."""

    async def measure(response: httpx.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise TooMuch("it sends what was not asked for: packed", request=response.request)
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = Measured(response, response.stream, most)

    headers = {key: value.get_secret_value() for key, value in config.headers.items()}
    return httpx.AsyncClient(
        headers={**headers, "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(config.connect_timeout, read=config.timeout),
        auth=ClientCredentials(config.auth) if config.auth is not None else None,
        follow_redirects=False,
        event_hooks={"response": [measure]},
    )


class ClientCredentials(httpx.Auth):
    """Adds a token to each request, and gets one where it is needed: RFC 6749, section 4.4."""

    def __init__(self, config: A2aAuthConfig) -> None:
        self._config = config
        self._token = ""
        self._until = 0.0

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send a request with a token; with a new one, once, where the agent knows it no more."""
        is_fresh = time.monotonic() >= self._until
        if is_fresh:
            await self._keep((yield self._question()), request)
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == UNAUTHORIZED and not is_fresh:
            await self._keep((yield self._question()), request)
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _question(self) -> httpx.Request:
        config = self._config
        form = {"grant_type": "client_credentials"} | (
            {"scope": config.scope} if config.scope else {}
        )
        question = httpx.Request("POST", config.token_url, data=form)
        who = httpx.BasicAuth(config.client_id, config.client_secret.get_secret_value())
        return next(who.auth_flow(question))

    async def _keep(self, response: httpx.Response, request: httpx.Request) -> None:
        await response.aread()
        try:
            said = response.raise_for_status().json()
            self._token = str(said["access_token"])
            seconds = float(said.get("expires_in", 300))
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError):
            words = f"{self._config.token_url} gives no token: HTTP {response.status_code}"
            raise NoToken(words, request=request) from None
        self._until = time.monotonic() + seconds - EARLY
