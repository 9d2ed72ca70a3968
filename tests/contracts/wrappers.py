"""The providers that wrap a provider. Those that ask again do so no second time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xml_pipeline.llm.base import Provider
from xml_pipeline.llm.breaker import Breaker
from xml_pipeline.llm.cascade import Cascade, Gate, Tier
from xml_pipeline.llm.limits import Limited
from xml_pipeline.llm.metered import Metered
from xml_pipeline.llm.models import Named
from xml_pipeline.llm.prices import Tariff
from xml_pipeline.llm.retry import Retry
from xml_pipeline.llm.router import Backend, Router


@dataclass(frozen=True, slots=True)
class Wrapper:
    """One sort of wrapper."""

    name: str
    around: Callable[[Provider], Provider]


def _cascade(provider: Provider) -> Provider:
    return Cascade([Tier("m", provider)], Gate())


def _limited(provider: Provider) -> Provider:
    return Limited(provider, per_minute=100_000, max_concurrent=2)


def _metered(provider: Provider) -> Provider:
    return Metered(provider, Tariff("scripted", {}))


def _retry(provider: Provider) -> Provider:
    return Retry(provider, retries=0)


def _router(provider: Provider) -> Provider:
    return Router([Backend("one", provider)])


def _all(provider: Provider) -> Provider:
    backend = Breaker(_limited(_metered(provider)))
    return _cascade(_retry(Named("m", _router(backend))))


WRAPPERS = (
    Wrapper("metered", _metered),
    Wrapper("limited", _limited),
    Wrapper("breaker", Breaker),
    Wrapper("router", _router),
    Wrapper("retry", _retry),
    Wrapper("named", lambda provider: Named("m", provider)),
    Wrapper("cascade", _cascade),
    Wrapper("all of them", _all),
)
