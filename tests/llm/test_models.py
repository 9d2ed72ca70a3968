"""Models by their addresses: which backends an address has, and what stands around them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.llm.plays import ASKED
from xml_pipeline.builtin import Plan
from xml_pipeline.commons import Commons
from xml_pipeline.config import LLMConfig, OrganismConfig
from xml_pipeline.errors import ConfigError
from xml_pipeline.llm.base import Completion, Delta, Escalated, Retrying, Usage
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.models import Models, models_of

ECHO = '''
from xml_pipeline.llm.base import Completion, Usage, said, unheard
from xml_pipeline.llm.errors import ProviderError


class Echo:
    """Says which backend it is, with which key, and what model it was asked for."""

    def __init__(self, wiring):
        self.name, self.key = wiring.name, wiring.key("ECHO_KEY")

    async def complete(self, request, hear=unheard):
        if request.model == "down" or self.name.startswith("down"):
            raise ProviderError("server", f"{self.name} is down")
        text = f"{self.name} {self.key} {request.model}"
        return Completion(said("assistant", text), Usage(1, 9), model=request.model)

    async def aclose(self):
        print(f"closed {self.name}")


def configured(wiring):
    return Echo(wiring)
'''
"""A provider of an installed package."""


@pytest.fixture(autouse=True)
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package that offers the provider ``echo``."""
    (tmp_path / "echoing.py").write_text(ECHO)
    about = tmp_path / "echoing-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.4\nName: echoing\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[xml_pipeline.llm]\necho = echoing\n")
    monkeypatch.syspath_prepend(str(tmp_path))


Make = Callable[..., Models]


@pytest.fixture
def models(tmp_path: Path) -> Make:
    """Give what makes models of the keys of a section ``llm``."""

    def make(**llm: Any) -> Models:
        return Models(LLMConfig.model_validate(llm), tmp_path, {"ECHO_KEY": "k", "OTHER": "o"})

    return make


def backend(name: str = "", **keys: Any) -> dict[str, Any]:
    return {"provider": "echo", "name": name, **keys}


async def said_by(models: Models, address: str) -> str:
    return (await models.provider(address).complete(ASKED)).message.text


async def test_a_provider_needs_no_section_at_all(models: Make) -> None:
    assert await said_by(models(), "echo:tiny:1b") == "echo k tiny:1b"


async def test_backends_are_found_by_provider_by_name_and_by_their_models(models: Make) -> None:
    made = models(
        backends=[
            backend("first", supported_models=["a*", "other:b", "lone"]),
            backend("second", api_key_env="OTHER", supported_models=["c"]),
        ]
    )
    assert await said_by(made, "echo:all") == "first k all"
    assert await said_by(made, "echo:c") == "second o c"
    assert await said_by(made, "second:c") == "second o c"
    assert await said_by(made, "other:b") == "first k b"
    assert await said_by(made, "elsewhere:lone") == "first k lone"


async def test_a_backend_that_fails_is_followed_by_the_next_priority(models: Make) -> None:
    backends = [backend("up", priority=2), backend("down", priority=1)]
    assert await said_by(models(backends=backends), "echo:x") == "up k x"


async def test_the_strategy_is_the_configured_one(models: Make) -> None:
    made = models(strategy="round-robin", backends=[backend("one"), backend("two")])
    assert [await said_by(made, "echo:x") for _ in range(3)] == ["one k x", "two k x", "one k x"]


@pytest.mark.virtual_clock
async def test_attempts_and_their_delays_are_the_configured_ones(models: Make) -> None:
    heard: list[Delta] = []
    made = models(retries=2, retry_base_delay=0.5, retry_max_delay=0.5)
    with pytest.raises(ProviderError):
        await made.provider("echo:down").complete(ASKED, heard.append)
    told = [each for each in heard if isinstance(each, Retrying)]
    assert [(each.attempt, each.attempts) for each in told] == [(1, 3), (2, 3)]
    assert all(0 <= each.delay <= 0.5 for each in told)


@pytest.mark.virtual_clock
async def test_what_is_known_of_a_backend_holds_for_all_its_models(models: Make) -> None:
    made = models(retries=0)
    for _ in range(5):
        with pytest.raises(ProviderError, match="echo is down"):
            await made.provider("echo:down").complete(ASKED)
    with pytest.raises(ProviderError, match="not asked"):
        await made.provider("echo:another").complete(ASKED)


async def test_a_cascade_asks_its_tiers_before_the_model_itself(models: Make) -> None:
    tiers = [{"model": "echo:cheap"}, {"model": "echo:medium"}]
    made = models(cascade={"enabled": True, "min_output_tokens": 10, "tiers": tiers})
    heard: list[Delta] = []
    completion = await made.provider("echo:dear").complete(ASKED, heard.append)
    assert (completion.model, completion.usage) == ("echo:dear", Usage(3, 27))
    steps = [(each.model, each.to) for each in heard if isinstance(each, Escalated)]
    assert steps == [("echo:cheap", "echo:medium"), ("echo:medium", "echo:dear")]
    assert (await made.provider("echo:medium").complete(ASKED)).usage == Usage(2, 18)
    assert (await made.provider("echo:cheap").complete(ASKED)).usage == Usage(1, 9)


async def test_prices_are_those_of_the_file(models: Make) -> None:
    made = models(prices={"echo:x": {"input": 1_000_000, "output": 1_000_000}})
    completion: Completion = await made.provider("echo:x").complete(ASKED)
    assert completion.usd == 10.0


@pytest.mark.virtual_clock
async def test_limits_hold_where_somebody_has_set_them(models: Make) -> None:

    async def seconds(made: Models) -> float:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(said_by(made, "echo:x") for _ in range(3)))
        return asyncio.get_running_loop().time() - began

    assert await seconds(models()) == 0.0
    assert await seconds(models(backends=[backend(rate_limit_tpm=10)])) > 60.0


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("ech:x", 'llm has no "ech"; did you mean "echo"?'),
        ("scriptd:x", 'llm has no "scriptd"; did you mean "scripted"?'),
        ("retry:x", 'llm "retry" is no provider'),
        ("x", '"x" names no model: write `provider:model`, as `anthropic:claude`'),
        ("echo:", '"echo:" names no model: write `provider:model`, as `anthropic:claude`'),
        ("Echo:x", '"Echo" is not a plug-in name: small letters, digits and "_" only'),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(models: Make, address: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        models().provider(address)
    assert refusal.value.problems == (problem,)


def test_a_model_that_no_backend_has_is_refused(models: Make) -> None:
    made = models(backends=[backend("one", supported_models=["large", "small"])])
    for model, hint in (("lage", 'did you mean "large"?'), ("x", "it has large, small")):
        with pytest.raises(ConfigError) as refusal:
            made.provider(f"one:{model}")
        assert refusal.value.problems == (f'no backend of one has the model "{model}"; {hint}',)


def test_a_key_that_is_missing_is_named_and_no_key_is_ever_shown(
    models: Make, tmp_path: Path
) -> None:
    for keys, variable in (({}, "ECHO_KEY"), ({"api_key_env": "MINE"}, "MINE")):
        config = LLMConfig.model_validate({"backends": [backend(**keys)]})
        with pytest.raises(ConfigError, match=f"echo needs a key: set {variable} in the env"):
            Models(config, tmp_path, {}).provider("echo:x")


async def test_a_key_may_stand_in_the_file_or_in_the_env_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ECHO_KEY=from-file\n")
    assert await said_by(Models(LLMConfig(), tmp_path), "echo:x") == "echo from-file x"
    config = LLMConfig.model_validate({"backends": [backend(api_key="canary")]})
    assert await said_by(Models(config, tmp_path), "echo:x") == "echo canary x"
    assert "canary" not in repr(config)


async def test_what_was_made_is_kept_and_closed_once(
    models: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    made = models()
    assert made.provider("echo:a") is made.provider("echo:a")
    made.provider("echo:b")
    await made.aclose()
    await made.aclose()
    assert capsys.readouterr().out == "closed echo\n"


async def test_listeners_of_an_organism_share_its_models(tmp_path: Path) -> None:
    def plan(commons: Commons, **llm: Any) -> Plan:
        organism = OrganismConfig.model_validate(
            {
                "llm": llm,
                "listeners": [{"name": "a", "description": "b", "agent": True, "model": "echo:x"}],
            }
        )
        return Plan(organism.listeners[0], organism, tmp_path, commons)

    commons, others = Commons(), Commons()
    assert models_of(plan(commons)) is models_of(plan(commons))
    assert models_of(plan(commons)) is not models_of(plan(others))
    priced = plan(commons, prices={"x": {"input": 1, "output": 2}})
    dearer = plan(commons, prices={"x": {"input": 1, "output": 3}})
    assert models_of(priced) is not models_of(dearer)
    await commons.aclose()
