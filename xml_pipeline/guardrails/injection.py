"""Looks for words that would give a model other orders: in what it says, and in results.

A score from 0 to 1 is added up of phrases, of ways to hide them, and of words that go with them.
It catches the clumsy; who knows the list writes around it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from xml_pipeline.config import Section
from xml_pipeline.guarding import (
    ALLOWED,
    Called,
    Guardrail,
    Outcome,
    Pieces,
    Verdict,
    denied,
    settings_of,
    warned,
)

PHRASES: tuple[tuple[re.Pattern[str], float], ...] = tuple(
    (re.compile(pattern), weight)
    for pattern, weight in (
        (r"ignore (?:all )?(?:the |your )?previous instructions", 0.4),
        (r"disregard (?:all )?(?:the |your )?previous", 0.4),
        (r"forget (?:all )?(?:the |your )?previous", 0.35),
        (r"new instructions:", 0.35),
        (r"override:", 0.3),
        (r"do not follow", 0.3),
        (r"ignore the above", 0.35),
        (r"start over", 0.2),
        (r"you are now", 0.3),
        (r"pretend you are", 0.3),
        (r"from now on", 0.2),
        (r"act as (?:an?|if)\b", 0.2),
        (r"(?:reveal|show|print|output|display) (?:me )?(?:the |your )?"
         r"(?:system prompt|instructions)", 0.4),
        (r"what (?:is|are) (?:the |your )?instructions", 0.3),
        (r"system (?:prompt|message)", 0.15),
        (r"\b(?:my|your) instructions", 0.1),
        (r"jailbreak|developer mode|\bdan mode", 0.3),
    )
)  # fmt: skip
TEMPLATE = re.compile(
    r"<\|[a-z_]+\|>|\[/?inst\]|<</?sys>>|^#+ ?(?:system|assistant):", re.MULTILINE
)
HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
TEMPLATE_WEIGHT, HIDDEN_WEIGHT, REPETITION_WEIGHT = 0.3, 0.2, 0.2
REPETITIONS = 50
"""How often a word may come before that looks like an attempt to drown the rest."""

_WORD = re.compile(r"\w+")
_SPACE = re.compile(r"\s+")


def score(text: str) -> float:
    """Return how much a text looks like an attempt to give a model other orders, from 0 to 1."""
    seen = HIDDEN.sub("", text).lower()
    words = _SPACE.sub(" ", seen)
    total = sum(weight for pattern, weight in PHRASES if pattern.search(words))
    total += TEMPLATE_WEIGHT * bool(TEMPLATE.search(seen))
    total += HIDDEN_WEIGHT * bool(HIDDEN.search(text))
    most = Counter(_WORD.findall(words)).most_common(1)
    total += REPETITION_WEIGHT * any(count > REPETITIONS for _, count in most)
    return round(min(total, 1.0), 2)


class InjectionSettings(Section):
    """From which score on something is denied or warned of; and whether requests are judged."""

    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    mode: Literal["deny", "warn"] = "deny"
    requests: bool = False


class Injection(Guardrail):
    """Judges what a model says and is told by its score."""

    def __init__(self, settings: InjectionSettings) -> None:
        self._settings = settings

    async def before_model(self, pieces: Pieces) -> tuple[Pieces, Verdict]:
        """Judge what was asked last, if requests are to be judged."""
        last = pieces[-1]
        judged = self._settings.requests and last.kind == "user"
        return pieces, self._verdict(last.text, "what was asked") if judged else ALLOWED

    async def after_model(self, text: str) -> Verdict:
        """Judge what the model said."""
        return self._verdict(text, "the answer")

    async def after_tool(self, called: Called, outcome: Outcome) -> tuple[Outcome, Verdict]:
        """Judge a result, and an error too: it may quote anything."""
        return outcome, self._verdict(outcome.text, f"what {called.function} returned")

    def _verdict(self, text: str, what: str) -> Verdict:
        scored = score(text)
        if scored < self._settings.threshold:
            return ALLOWED
        judge = denied if self._settings.mode == "deny" else warned
        return judge(f"{what} looks like an injection of instructions ({scored:g})")


def configured(settings: Mapping[str, Any]) -> Guardrail:
    """Return the guardrail of these settings; ConfigError says what is wrong in them."""
    return Injection(settings_of(InjectionSettings, settings))
