"""The providers that there are, each with a way to make one that says what it is told to.

To add one, add a ``Kind``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tests.contracts.wrappers import WRAPPERS, Wrapper
from tests.services.fake_llm import FakeLLM, Line, Raw, lines, refusal
from xml_pipeline.catalogue import find
from xml_pipeline.config import LLMBackendConfig
from xml_pipeline.llm.base import Completion, Provider
from xml_pipeline.llm.errors import Reason
from xml_pipeline.llm.script import Reply
from xml_pipeline.llm.scripted import ScriptedProvider
from xml_pipeline.llm.wiring import Wiring

Said = Completion | Reason
"""What a provider is told to say: a completion, or why there is none."""

Speaking = Callable[..., AbstractAsyncContextManager[Provider]]
"""Makes a provider that says one thing after the other."""

REFUSALS: dict[str, Raw] = {
    "auth": refusal(401, {"error": {"message": "no"}}),
    "rate_limit": refusal(429, {"error": {"message": "slower"}}, retry_after="7"),
    "server": refusal(503, {"error": {"message": "later"}}),
    "network": Raw((b"{",), ending="cut"),
    "overflow": refusal(400, {"error": {"message": "prompt is too long: 9 > 8"}}),
    "invalid": refusal(400, {"error": {"message": "no such field"}}),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of provider."""

    name: str
    speaking: Speaking


def over_http(plugin: str, path: str) -> Speaking:
    """Return a way to make a provider that asks a server for what it says."""

    @asynccontextmanager
    async def speaking(*said: Said) -> AsyncIterator[Provider]:
        told: list[Line] = [REFUSALS[each] if isinstance(each, str) else each for each in said]
        async with FakeLLM(lines(*told)) as server:
            backend = LLMBackendConfig(
                provider=plugin, base_url=server.url + path, api_key=SecretStr("key")
            )
            provider: Provider = find("llm", plugin).configured(Wiring(backend, Path(), {}))
            try:
                yield provider
            finally:
                await provider.aclose()

    return speaking


@asynccontextmanager
async def scripted(*said: Said) -> AsyncIterator[Provider]:
    """Make a provider with a script."""
    told = iter([Reply(error=each) if isinstance(each, str) else each for each in said])
    yield ScriptedProvider(lambda _: next(told))


def wrapped(wrapper: Wrapper) -> Speaking:
    """Return a way to make a provider with a script, and something around it."""

    @asynccontextmanager
    async def speaking(*said: Said) -> AsyncIterator[Provider]:
        async with scripted(*said) as provider:
            yield wrapper.around(provider)

    return speaking


KINDS = (
    Kind("scripted", scripted),
    *(Kind(each.name, wrapped(each)) for each in WRAPPERS),
    Kind("anthropic", over_http("anthropic", "")),
    Kind("openai", over_http("openai", "/v1")),
    Kind("openrouter", over_http("openrouter", "/v1")),
    Kind("xai", over_http("xai", "/v1")),
    Kind("ollama", over_http("ollama", "/v1")),
)
