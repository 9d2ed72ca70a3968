"""What an agent asks a model beside its turns: to shorten, to summarize.

Nothing hangs on the answer. A model that fails, says nothing or is cut off has given none; what it
took is counted all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xml_pipeline.listener import Spending
from xml_pipeline.llm.base import Provider, Request, Usage, said
from xml_pipeline.llm.errors import ProviderError


@dataclass(frozen=True, slots=True)
class Cost:
    """What asking took; ``usd`` is what is known of its price."""

    usage: Usage = field(default_factory=Usage)
    usd: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.usage + other.usage, self.usd + other.usd)


@dataclass(frozen=True, slots=True)
class Aside:
    """A model to ask, and the budget that pays for it."""

    provider: Provider
    model: str
    spending: Spending | None = field(default=None, compare=False, repr=False)

    async def ask(self, system: str, text: str, max_tokens: int) -> tuple[str, Cost]:
        """Return what the model says, "" where that cannot be used, and what it took."""
        request = Request(
            self.model,
            (said("user", text),),
            system,
            max_tokens=max_tokens,
            spending=self.spending,
        )
        try:
            completion = await self.provider.complete(request)
        except ProviderError as error:
            return "", Cost(error.usage, error.usd)
        words = "" if completion.stop == "max_tokens" else completion.message.text.strip()
        return words, Cost(completion.usage, completion.usd or 0.0)
