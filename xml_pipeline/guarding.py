"""What a guardrail is: something with an opinion on what an agent is shown, says, and calls.

A guardrail is a plug-in of the room ``guardrails``: a module with a function ``configured(settings)
-> Guardrail``, which raises ConfigError with what is wrong with them. It sees plain words and
arguments, never the conversation itself: so it cannot leave a call without its result, or let one
side speak twice. What it raises ends the turn: nothing passes because its guard has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from xml_pipeline.config import settings_of as settings_of

Opinion = Literal["allow", "warn", "deny"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something may pass, and why not; ``by`` is filled in with who says so."""

    opinion: Opinion = "allow"
    reason: str = ""
    by: str = ""

    @property
    def denies(self) -> bool:
        """Tell whether it may not pass."""
        return self.opinion == "deny"


ALLOWED = Verdict()


def warned(reason: str) -> Verdict:
    """Return a verdict that lets something pass, and is heard of."""
    return Verdict("warn", reason)


def denied(reason: str) -> Verdict:
    """Return a verdict that lets nothing pass."""
    return Verdict("deny", reason)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words that a model is shown: whose they are, and from which function a result came."""

    kind: Literal["system", "user", "assistant", "result"]
    text: str
    function: str = ""


@dataclass(frozen=True, slots=True)
class Called:
    """A call that a model asks for, under the function's right name."""

    function: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to."""

    text: str
    is_error: bool = False


Pieces = tuple[Piece, ...]


class Guardrail:
    """Lets everything pass; a guardrail of its own overrides what it has an opinion on."""

    async def before_model(self, pieces: Pieces) -> tuple[Pieces, Verdict]:
        """Return what a model is shown instead, and judge it; if denied, the model is not asked.

        The system prompt comes first, even where it is empty. There must be as many pieces
        afterwards, of the same kinds; only their words may differ.
        """
        return pieces, ALLOWED

    async def after_model(self, text: str) -> Verdict:
        """Judge what a model said; what is denied counts as not said."""
        return ALLOWED

    async def before_tool(self, called: Called) -> Verdict:
        """Judge a call; a denied one is not made."""
        return ALLOWED

    async def after_tool(self, called: Called, outcome: Outcome) -> tuple[Outcome, Verdict]:
        """Return what a model is shown of a result, and judge it; a denied one is not shown."""
        return outcome, ALLOWED


Configured = Callable[[Mapping[str, Any]], Guardrail]
