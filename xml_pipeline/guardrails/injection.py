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

_OF_THOSE = "(?:all )?(?:the |your )?"
_PROMPT = "(?:me )?(?:the |your )?(?:system prompt|instructions)"

PHRASES: tuple[tuple[tuple[re.Pattern[str], ...], float], ...] = tuple(
    (tuple(map(re.compile, ways)), weight)
    for ways, weight in (
        ((f"ignore {_OF_THOSE}previous instructions",), 0.4),
        ((f"disregard {_OF_THOSE}previous",), 0.4),
        ((f"forget {_OF_THOSE}previous",), 0.35),
        (("new instructions:",), 0.35),
        (("override:",), 0.3),
        (("do not follow",), 0.3),
        (("ignore the above",), 0.35),
        (("start over",), 0.2),
        (("you are now",), 0.3),
        (("pretend you are",), 0.3),
        (("from now on",), 0.2),
        ((r"act as (?:an?|if)\b",), 0.2),
        (
            tuple(f"{verb} {_PROMPT}" for verb in ("reveal", "show", "print", "output", "display")),
            0.4,
        ),
        (("what (?:is|are) (?:the |your )?instructions",), 0.3),
        (("system (?:prompt|message)",), 0.15),
        (("my instructions", "your instructions"), 0.1),
        (("jailbreak", "developer mode", "dan mode"), 0.3),
    )
)
"""The ways to say something, and what it weighs.

Each way begins with letters that stand fast: a long text is searched far faster for those than for
a choice.
"""

TEMPLATE = re.compile(
    r"<\|[a-z_]+\|>|\[/?inst\]|<</?sys>>|^#+ ?(?:system|assistant):", re.MULTILINE
)
HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
TEMPLATE_WEIGHT, HIDDEN_WEIGHT, REPETITION_WEIGHT = 0.3, 0.2, 0.2
REPETITIONS = 50
"""How often a word may come before that looks like an attempt to drown the rest."""


def score(text: str) -> float:
    """Return how much a text looks like an attempt to give a model other orders, from 0 to 1."""
    seen = HIDDEN.sub("", text).lower()
    words = seen.split()
    line = " ".join(words)
    total = sum(weight for ways, weight in PHRASES if any(way.search(line) for way in ways))
    total += TEMPLATE_WEIGHT * bool(TEMPLATE.search(seen))
    total += HIDDEN_WEIGHT * bool(HIDDEN.search(text))
    total += REPETITION_WEIGHT * (max(Counter(words).values(), default=0) > REPETITIONS)
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
