"""A provider whose every request is paid for: set aside before, settled after.

It sits innermost, around each wire, so that every attempt counts: retries, failovers and the
answers that a cascade rejects. The rule it guards: *nothing is asked that the budget could not
pay, and nothing that was spent goes uncounted*.
"""

from __future__ import annotations

from dataclasses import replace

from xml_pipeline.llm import tokens
from xml_pipeline.llm.base import Completion, Hear, Provider, Request, Usage, unheard
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.prices import Tariff


class Metered:
    """Asks a provider, and has the request's budget pay for it.

    Raises BudgetExhausted where the budget has less than the request may take: what is to be
    read, as estimated, and ``max_tokens`` of answer.
    """

    def __init__(self, provider: Provider, tariff: Tariff) -> None:
        self._provider = provider
        self._tariff = tariff

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Ask, and say what it cost."""
        expected = Usage(tokens.of_request(request), request.max_tokens)
        most = self._tariff.usd(request.model, expected) or 0.0
        spending = request.spending
        reservation = spending.reserve(expected.total, most) if spending is not None else None
        spent = Usage()
        try:
            if reservation is not None:
                await reservation.written()
            spent = Usage(expected.input)  # If it is stopped, it has been read at least.
            completion = _counted(await self._provider.complete(request, hear), expected)
            spent = completion.usage
            return replace(completion, usd=self._tariff.usd(request.model, spent))
        except ProviderError as error:
            spent = error.usage
            error.usd = self._tariff.usd(request.model, spent) or 0.0
            raise
        finally:
            if reservation is not None:
                reservation.settle(spent.total, self._tariff.usd(request.model, spent) or 0.0)

    async def aclose(self) -> None:
        """Close the provider."""
        await self._provider.aclose()


def _counted(completion: Completion, expected: Usage) -> Completion:
    """Return an answer whose tokens are estimated where its provider counts none."""
    if completion.usage.total:
        return completion
    estimated = Usage(expected.input, tokens.of_output(completion.message))
    return replace(completion, usage=estimated)
