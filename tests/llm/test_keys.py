"""A key comes from the environment or the file, and goes only where its owner sends it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.llm.asking import HELLO, KEY
from tests.services.fake_llm import FakeLLM, lines
from xml_pipeline.catalogue import find
from xml_pipeline.config import LLMBackendConfig
from xml_pipeline.errors import ConfigError
from xml_pipeline.llm.base import Completion, Provider, said
from xml_pipeline.llm.wiring import Wiring

VARIABLES = {
    "anthropic": "ANTHROPIC_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "xai": "XAI_API_KEY",
}


def made(environment: Mapping[str, str], **backend: Any) -> Provider:
    """Make a provider."""
    config = LLMBackendConfig.model_validate(backend)
    provider: Provider = find("llm", config.provider).configured(
        Wiring(config, Path(), environment)
    )
    return provider


async def key_sent(environment: Mapping[str, str], **backend: Any) -> str | None:
    """Return the key that a provider sends to an address of ours."""
    async with FakeLLM(lines(Completion(said("assistant", "Yes.")))) as server:
        provider = made(environment, base_url=f"{server.url}/v1", **backend)
        await provider.complete(HELLO)
        await provider.aclose()
    return server.asked[0].headers.get("authorization")


@pytest.mark.parametrize(("plugin", "variable"), VARIABLES.items())
def test_a_missing_key_is_a_problem_that_names_the_variable(plugin: str, variable: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        made({"SOME_OTHER": KEY}, provider=plugin)


@pytest.mark.parametrize(("plugin", "variable"), VARIABLES.items())
async def test_each_has_a_variable_of_its_own(plugin: str, variable: str) -> None:
    provider = made({variable: KEY}, provider=plugin)
    assert KEY not in repr(provider)
    await provider.aclose()


def test_a_named_variable_that_is_not_set_is_a_problem_too() -> None:
    with pytest.raises(ConfigError, match="MINE"):
        made({"OPENAI_API_KEY": KEY}, provider="openai", api_key_env="MINE")


async def test_ollama_needs_no_key() -> None:
    await made({}, provider="ollama").aclose()
    assert await key_sent({}, provider="ollama") is None


async def test_a_key_is_sent_to_another_address_only_if_it_is_named_for_it() -> None:
    environment = {"OPENAI_API_KEY": "usual", "MINE": "mine"}
    assert await key_sent(environment, provider="openai") is None
    assert await key_sent(environment, provider="openai", api_key_env="MINE") == "Bearer mine"
    assert await key_sent(environment, provider="openai", api_key="given") == "Bearer given"


def test_two_keys_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="both give a key"):
        made({"MINE": KEY}, provider="openai", api_key_env="MINE", api_key=KEY)


@pytest.mark.parametrize("key", ["", "sk two words", "sk-ünicode", "sk\nline"])
def test_what_cannot_be_a_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigError) as found:
        made({}, provider="openai", api_key=key)
    assert not key or key not in str(found.value)


@pytest.mark.parametrize(
    "base",
    [
        "ftp://models",
        "models.example/v1",
        "http://",
        "http://me:secret@models/v1",
        "http://models/v1?key=secret",
        "http://models:port",
    ],
)
def test_an_address_that_cannot_be_one_is_refused_without_being_shown(base: str) -> None:
    with pytest.raises(ConfigError, match="base_url") as found:
        made({}, provider="openai", base_url=base)
    assert "secret" not in str(found.value)
