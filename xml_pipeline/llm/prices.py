"""What tokens cost, in US dollars.

What the organism file says comes first; then what the package ``genai-prices`` knows, where it is
installed (``xml-pipeline[pricing]``: it is heavy, so it is imported only where a provider sends
bills); then a short table of ours. What nobody knows has no price, rather than a wrong one.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from xml_pipeline.config import PriceConfig
from xml_pipeline.llm.base import Usage

MILLION = 1_000_000
CACHE_READ = 0.1
"""What reading from a cache costs, as a part of reading anew, where nothing else is said."""
CACHE_WRITE = 1.25

UNBILLED = frozenset({"ollama", "scripted"})
"""Providers for which only the organism file can know a price."""


def usd(price: PriceConfig, usage: Usage) -> float:
    """Return what some tokens cost. Reasoning is output."""
    read = CACHE_READ * price.input if price.cache_read is None else price.cache_read
    write = CACHE_WRITE * price.input if price.cache_write is None else price.cache_write
    anew = usage.input * price.input + usage.output * price.output
    return (anew + usage.cache_read * read + usage.cache_write * write) / MILLION


def _price(input_usd: float, output_usd: float) -> PriceConfig:
    return PriceConfig(input=input_usd, output=output_usd)


KNOWN: Mapping[str, PriceConfig] = {
    "claude-3-haiku": _price(0.25, 1.25),
    "claude-3-sonnet": _price(3, 15),
    "claude-3-opus": _price(15, 75),
    "claude-3-5-haiku": _price(0.80, 4),
    "claude-haiku-3-5": _price(0.80, 4),
    "claude-3-5-sonnet": _price(3, 15),
    "claude-sonnet-4": _price(3, 15),
    "claude-sonnet-4-0": _price(3, 15),
    "claude-sonnet-4-5": _price(3, 15),
    "claude-sonnet-4-6": _price(3, 15),
    "claude-opus-4": _price(15, 75),
    "claude-opus-4-0": _price(15, 75),
    "claude-opus-4-1": _price(15, 75),
    "claude-opus-4-5": _price(5, 25),
    "claude-opus-4-6": _price(5, 25),
    "claude-haiku-4-5": _price(1, 5),
    "qwen3-5-plus": _price(0.40, 2.40),
    "deepseek-v3-2": _price(0.26, 0.38),
    "gemini-3-flash-preview": _price(0.50, 3.00),
    "nemotron-3-nano-30b": _price(0.05, 0.20),
}
"""By the model's name without maker, date and dots: see ``plain_name``."""

_EDITION = re.compile(r"(?:[-@]\d{8}|-latest|:[a-z]+|-a\d+b)+\Z")


def plain_name(model: str) -> str:
    """Return ``claude-sonnet-4-5`` of ``anthropic/claude-sonnet-4.5`` or with a date behind it."""
    return _EDITION.sub("", model.lower().rpartition("/")[2].replace(".", "-"))


class Tariff:
    """What the models of one provider cost.

    ``written`` are the prices of the organism file, by ``model`` or ``provider:model``.
    """

    def __init__(self, provider: str, written: Mapping[str, PriceConfig]) -> None:
        self._provider = provider
        self._written = written
        self._is_billed = provider not in UNBILLED
        self._published = published() if self._is_billed else None

    def usd(self, model: str, usage: Usage) -> float | None:
        """Return what tokens of a model cost, None where nobody knows."""
        written = self._written.get(f"{self._provider}:{model}") or self._written.get(model)
        if written is not None:
            return usd(written, usage)
        if not self._is_billed:
            return None
        known = KNOWN.get(plain_name(model))
        cost = None if self._published is None else self._as_published(model, usage)
        return usd(known, usage) if cost is None and known is not None else cost

    def _as_published(self, model: str, usage: Usage) -> float | None:
        package: Any = self._published
        counted = package.Usage(
            input_tokens=usage.input + usage.cache_read + usage.cache_write,
            output_tokens=usage.output,
            cache_read_tokens=usage.cache_read,
            cache_write_tokens=usage.cache_write,
        )
        try:
            cost = package.calc_price(counted, model_ref=model, provider_id=self._provider)
        except (LookupError, ValueError):  # It does not know the model, or not at these counts.
            return None
        return float(cost.total_price)


def published() -> ModuleType | None:
    """Return the package that knows prices, None where it is not installed."""
    try:
        return importlib.import_module("genai_prices")
    except ModuleNotFoundError:
        return None
