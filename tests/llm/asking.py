"""Providers that ask a server of the test, or get their bytes without one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

from tests.services.fake_llm import FakeLLM
from xml_pipeline.catalogue import find
from xml_pipeline.config import LLMBackendConfig
from xml_pipeline.llm import anthropic, openai, openrouter
from xml_pipeline.llm.anthropic import FORMAT
from xml_pipeline.llm.base import Provider, Request, said
from xml_pipeline.llm.openai.chat import format_of
from xml_pipeline.llm.wire.http import Endpoint
from xml_pipeline.llm.wire.patience import Patience
from xml_pipeline.llm.wire.provider import Format, Wire
from xml_pipeline.llm.wiring import Wiring

RECORDED = Path(__file__).with_name("recorded")
KEY = "sk-canary-0123456789"
HELLO = Request("m", (said("user", "Hello"),))
FORMATS: dict[str, Format] = {
    "anthropic": FORMAT,
    "openai": format_of(openai.DIALECT),
    "openrouter": format_of(openrouter.DIALECT),
    "ollama": format_of(openai.ELSEWHERE),
    "xai": format_of(openai.DIALECT),
}
PATHS = {"anthropic": ""}
VERSION = anthropic.VERSION


def recorded(name: str) -> bytes:
    """Return what was recorded."""
    return RECORDED.joinpath(name).read_bytes()


def format_named(name: str) -> Format:
    """Return the format in which a file was recorded."""
    return FORMATS[name.partition("_")[0]]


@asynccontextmanager
async def asking(server: FakeLLM, plugin: str, **backend: object) -> AsyncIterator[Provider]:
    """Make a provider that asks the server."""
    base = server.url + PATHS.get(plugin, "/v1")
    settings = {"provider": plugin, "base_url": base, "api_key": SecretStr(KEY), **backend}
    wiring = Wiring(LLMBackendConfig.model_validate(settings), Path(), {})
    provider: Provider = find("llm", plugin).configured(wiring)
    try:
        yield provider
    finally:
        await provider.aclose()


@asynccontextmanager
async def impatient(server: FakeLLM, patience: Patience) -> AsyncIterator[Provider]:
    """Make a provider that does not wait for long."""
    endpoint = Endpoint(
        "anthropic",
        f"{server.url}/v1/messages",
        headers={},
        key=None,
        patience=patience,
    )
    provider = Wire(endpoint, FORMAT)
    try:
        yield provider
    finally:
        await provider.aclose()


class Bytes(httpx.AsyncBaseTransport):
    """Answers every request with the same bytes, in these pieces."""

    def __init__(self, pieces: Iterable[bytes], kind: str = "text/event-stream") -> None:
        self._pieces = tuple(pieces)
        self._headers = {"content-type": kind}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        return httpx.Response(200, headers=self._headers, content=self._each())

    async def _each(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def given(spoken: Format, transport: httpx.AsyncBaseTransport) -> Wire:
    """Return a provider that gets its bytes from a transport."""
    patience = Patience.within(60.0)
    endpoint = Endpoint(
        "given", "http://given", headers={}, key=None, patience=patience, transport=transport
    )
    return Wire(endpoint, spoken)
