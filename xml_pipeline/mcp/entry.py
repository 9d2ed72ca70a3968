"""Getting into a server with a token that has to be had first, and renewed."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import AsyncGenerator

import httpx2

from xml_pipeline.mcp.failing import ServerFailed

log = logging.getLogger(__name__)


class Entry(httpx2.Auth):
    """Adds a token to each request, and has another one where it is not taken."""

    @abstractmethod
    async def ready(self) -> str:
        """Return what to send, fresh enough; ServerFailed where there is nothing."""

    @abstractmethod
    def doubt(self, sent: str) -> None:
        """Note that this was not taken: it is not sent again."""

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send a request, and once more with another token where the first is not taken."""
        sent = request.headers["Authorization"] = await self.ready()
        response = yield request
        if response.status_code != httpx2.codes.UNAUTHORIZED:
            return
        self.doubt(sent)
        try:
            request.headers["Authorization"] = await self.ready()
        except ServerFailed as error:
            log.warning("%s", error)
            return  # The refusal stands, and closes no connection.
        yield request
