"""What tokens cost: as the file says, as is published, as we know, or nobody knows."""

from __future__ import annotations

import sys

import pytest

from xml_pipeline.config import PriceConfig
from xml_pipeline.llm.base import Usage
from xml_pipeline.llm.prices import Tariff, plain_name

MILLION_EACH = Usage(1_000_000, 1_000_000)
ALL_SORTS = Usage(1_000_000, 1_000_000, cache_write=1_000_000, cache_read=1_000_000)


@pytest.fixture
def unpublished(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package that knows prices not be installed."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)


@pytest.mark.usefixtures("unpublished")
@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("claude-sonnet-4-5", 18.0),
        ("claude-sonnet-4-5-20250929", 18.0),
        ("claude-opus-4", 90.0),
        ("claude-opus-4-6", 30.0),
        ("claude-haiku-4-5", 6.0),
        ("claude-3-5-haiku-latest", 4.8),
        ("anthropic/claude-3-haiku", 1.5),
        ("anthropic/claude-sonnet-4.6", 18.0),
        ("deepseek/deepseek-v3.2", 0.64),
        ("qwen/qwen3.5-plus", 2.8),
        ("google/gemini-3-flash-preview", 3.5),
        ("nvidia/nemotron-3-nano-30b-a3b:free", 0.25),
        ("claude-opus-9", None),
        ("gpt-unheard-of", None),
    ],
)
def test_a_short_list_is_known_by_heart_and_nothing_is_guessed(
    model: str, usd: float | None
) -> None:
    assert Tariff("openrouter", {}).usd(model, MILLION_EACH) == pytest.approx(usd)


@pytest.mark.usefixtures("unpublished")
def test_what_a_cache_holds_has_its_own_price_and_reasoning_is_output() -> None:
    tariff = Tariff("anthropic", {})
    assert tariff.usd("claude-sonnet-4-5", ALL_SORTS) == pytest.approx(3 + 15 + 3.75 + 0.3)
    thought = Usage(0, 1_000_000, reasoning=900_000)
    assert tariff.usd("claude-sonnet-4-5", thought) == pytest.approx(15)


def test_what_the_file_says_comes_first() -> None:
    told = {
        "one": PriceConfig(input=1, output=2),
        "anthropic:two": PriceConfig(input=1, output=2, cache_read=3, cache_write=4),
    }
    tariff = Tariff("anthropic", {**told, "claude-sonnet-4-5": PriceConfig(input=0, output=0)})
    assert tariff.usd("one", ALL_SORTS) == pytest.approx(3 + 0.1 + 1.25)
    assert tariff.usd("two", ALL_SORTS) == pytest.approx(10)
    assert tariff.usd("claude-sonnet-4-5", ALL_SORTS) == 0.0
    assert Tariff("scripted", told).usd("two", ALL_SORTS) is None


def test_what_is_published_is_taken_before_what_we_know() -> None:
    tariff = Tariff("anthropic", {})
    usage = Usage(800, 500, cache_read=200)
    assert tariff.usd("claude-sonnet-4-5", usage) == pytest.approx(0.00996)
    assert Tariff("openai", {}).usd("gpt-5", Usage(1_000, 500)) == pytest.approx(0.00625)
    assert tariff.usd("claude-unheard-of", usage) is None
    assert Tariff("nobody", {}).usd("claude-sonnet-4-5", usage) == pytest.approx(0.00996)


def test_what_is_not_billed_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "genai_prices", raising=False)
    assert Tariff("scripted", {}).usd("claude-sonnet-4-5", MILLION_EACH) is None
    assert "genai_prices" not in sys.modules


def test_a_name_is_the_same_with_its_maker_its_date_and_its_dots() -> None:
    names = ["claude-sonnet-4-5", "anthropic/Claude-Sonnet-4.5:free", "claude-sonnet-4-5@20250929"]
    assert {plain_name(each) for each in names} == {"claude-sonnet-4-5"}
