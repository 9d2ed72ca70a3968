"""Getting into a server with a token that has to be had first, and renewed."""

from __future__ import annotations

import logging
import re
from abc import abstractmethod
from collections.abc import AsyncGenerator

import httpx2

from xml_pipeline.mcp.failing import ServerFailed

_SCOPE = re.compile(r'\bscope="([A-Za-z0-9._:/+\- ]{1,1000})"')
"""Scopes that people may be shown in a command: nothing in them means anything to a shell."""

log = logging.getLogger(__name__)


class Entry(httpx2.Auth):
    """Adds a token to each request, and has another one where it is not taken.

    ``wanted`` are the scopes that the last request would have needed, and its token has not.
    """

    wanted = ""

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
        self.wanted = _wanted(response)
        if response.status_code != httpx2.codes.UNAUTHORIZED:
            return
        self.doubt(sent)
        try:
            request.headers["Authorization"] = await self.ready()
        except ServerFailed as error:
            log.warning("%s", error)
            return  # The refusal stands, and closes no connection.
        self.wanted = _wanted((yield request))

    def complaint(self) -> str:
        """Return what is wrong with the token, in words; nothing where nothing is."""
        return f"it wants a token that is good for: {self.wanted}" if self.wanted else ""


def _wanted(response: httpx2.Response) -> str:
    """Return for what a token would have to be good, if that is what lacks (RFC 6750, 3.1)."""
    challenge = response.headers.get("www-authenticate", "")
    if response.status_code != httpx2.codes.FORBIDDEN or "insufficient_scope" not in challenge:
        return ""
    named = _SCOPE.search(challenge)
    return " ".join(named[1].split()) if named else "more"
