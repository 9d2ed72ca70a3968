"""Organisms that are served over A2A, and raw clients of theirs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from xml_pipeline import Organism
from xml_pipeline.server import Bounds, serve

TOKEN = "secret"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True, slots=True)
class Visitor:
    """A client that speaks JSON-RPC by hand, in the dialect of one version."""

    http: httpx.AsyncClient
    organism: Organism
    url: str

    async def call(self, where: str, method: str, **params: Any) -> dict[str, Any]:
        """Return the whole answer to a call."""
        response = await self.http.post(where, json=_call(method, params), headers=_version(method))
        assert response.status_code == 200, response.text
        said: dict[str, Any] = response.json()
        return said

    async def ask(self, where: str, method: str, **params: Any) -> dict[str, Any]:
        """Return what came of a call."""
        said = await self.call(where, method, **params)
        assert "error" not in said, said
        result: dict[str, Any] = said["result"]
        return result

    async def refused(self, where: str, method: str, **params: Any) -> int:
        """Return the code of the error that a call came to."""
        said = await self.call(where, method, **params)
        assert "error" in said, said
        return int(said["error"]["code"])

    async def stream(self, where: str, method: str, **params: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield what a call is answered with, piece by piece."""
        said, headers = _call(method, params), _version(method)
        async with self.http.stream("POST", where, json=said, headers=headers) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    piece = json.loads(line.removeprefix("data: "))
                    assert "error" not in piece, piece
                    yield piece["result"]


def _call(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def _version(method: str) -> dict[str, str]:
    """Return the headers of a call: the older dialect has none of its own."""
    return {} if "/" in method else {"A2A-Version": "1.0"}


def message(*parts: Any, id: str = "m1", **more: Any) -> dict[str, Any]:
    """Return a message of a client; a text is a part, a dictionary is one of data."""
    written = [{"text": each} if isinstance(each, str) else {"data": each} for each in parts]
    return {"messageId": id, "role": "ROLE_USER", "parts": written} | more


def texts(parts: Any) -> list[str]:
    """Return the texts among some parts."""
    return [each["text"] for each in parts if "text" in each]


@asynccontextmanager
async def visiting(
    folder: Path, text: str, journal: str = "", bounds: Bounds | None = None
) -> AsyncIterator[Visitor]:
    """Serve the organism of a file, and give somebody who speaks to it."""
    file = folder / "organism.yaml"
    file.write_text(text, encoding="utf-8")
    organism = Organism.load(file, folder / journal if journal else None)
    async with organism, visited(organism, bounds) as visitor:
        yield visitor


@asynccontextmanager
async def visited(running: Organism, bounds: Bounds | None = None) -> AsyncIterator[Visitor]:
    """Serve an organism that runs, and give somebody who speaks to it."""
    private = running.config.server.model_copy(update={"port": 0})
    async with (
        serve(running, private, TOKEN, bounds=bounds) as address,
        httpx.AsyncClient(base_url=address.url, headers=BEARER, timeout=30) as http,
    ):
        yield Visitor(http, running, address.url)
