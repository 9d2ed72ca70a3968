"""What a handler may do with the budget of its conversation."""

from __future__ import annotations

from typing import Protocol


class Spending(Protocol):
    """The budget of a conversation, as a handler may use it; ``registries.budgets`` has it."""

    def reserve(self, tokens: int = 0, usd: float = 0.0) -> Reserved: ...


class Reserved(Protocol):
    """Tokens and money set aside; settled with what was really spent."""

    async def written(self) -> None: ...
    def settle(self, tokens: int = 0, usd: float = 0.0) -> None: ...
    def release(self) -> None: ...
