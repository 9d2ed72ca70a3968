"""The way through a proxy, where the environment names one."""

from __future__ import annotations

from ssl import SSLContext
from urllib.request import getproxies

import httpx


class Proxied(httpx.AsyncBaseTransport):
    """httpx's own client: it knows every kind of proxy, and which hosts need none."""

    def __init__(self, trust: SSLContext) -> None:
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        self._client = httpx.AsyncClient(verify=trust, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return when the answer has begun."""
        return await self._client.send(request, stream=True)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._client.aclose()


def is_proxied(url: httpx.URL) -> bool:
    """Tell whether a proxy is named for what is asked there, or for everything."""
    proxies = getproxies()
    return url.scheme in proxies or "all" in proxies
