"""Whether one agent does, or an orchestrator has to divide the work: a score, not a model.

The score of a task lies between 0 and 1. Below 0.30 the first agent takes it, above 0.55 it is
orchestrated; between the two the first agent whose description covers all of its domains takes
it, and it is orchestrated where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Mode = Literal["auto", "always", "single"]

SIMPLE, COMPLEX = 0.30, 0.55

_QUESTIONS = frozenset(["what", "how", "why", "explain", "describe", "who", "when", "where"])
_MARKERS = (
    *("first,", "second,", "third,", "then,", "finally,", "next,", "after that"),
    *(f"step {number}" for number in range(1, 6)),
)
_DELEGATION = (
    *("delegate", "have them", "coordinate between", "coordinate with", "team up"),
    *("work together", "collaborate", "assign to", "hand off", "pass to"),
)
_NUMBERED = re.compile(r"\d+\.")

DOMAINS: Mapping[str, Sequence[str]] = {
    "code": (
        *("code", "implement", "refactor", "debug", "compile", "function", "class", "module"),
        *("rust", "python", "javascript", "typescript", "java", "golang", "programming"),
        *("syntax", "bug", "fix", "test", "unit test"),
    ),
    "research": (
        *("research", "investigate", "analyze", "study", "survey", "find", "search", "explore"),
        *("review", "literature", "paper", "arxiv"),
    ),
    "database": (
        *("database", "sql", "query", "table", "schema", "migration", "postgres", "mysql"),
        *("sqlite", "mongodb", "redis", "index"),
    ),
    "frontend": (
        *("frontend", "ui", "ux", "component", "react", "vue", "angular", "css", "html"),
        *("layout", "responsive", "design", "button", "form", "modal"),
    ),
    "backend": (
        *("backend", "api", "endpoint", "server", "rest", "graphql", "middleware"),
        *("authentication", "authorization", "route", "handler"),
    ),
    "devops": (
        *("devops", "deploy", "docker", "kubernetes", "ci/cd", "pipeline", "infrastructure"),
        *("terraform", "ansible", "nginx", "monitoring", "logging"),
    ),
    "writing": (
        *("write", "document", "documentation", "readme", "blog", "article", "report"),
        *("summary", "copywriting", "content", "draft", "edit text"),
    ),
    "security": (
        *("security", "vulnerability", "audit", "penetration", "encryption", "auth", "cors"),
        *("xss", "injection", "firewall", "certificate", "tls"),
    ),
}
"""The words of each domain; a word counts whole, between anything that is no letter or digit."""

_WORDS = {
    domain: re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)")
    for domain, words in DOMAINS.items()
}


@dataclass(frozen=True, slots=True)
class Worker:
    """An agent that may be chosen."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Who takes a task: one agent, or None where it is orchestrated; and why."""

    agent: str | None
    score: float
    why: str


class Strategy(Protocol):
    """Decides who takes a task; ``decide`` of this module is one."""

    def __call__(self, task: str, workers: Sequence[Worker]) -> Decision: ...


def decide(task: str, workers: Sequence[Worker]) -> Decision:
    """Decide by the score of the task."""
    if len(workers) < 2:
        only = workers[0].name if workers else None
        return Decision(only, 0.0, "there is one agent" if only else "there is no agent")
    points = score(task, workers)
    wanted = domains_of(task)
    if points < SIMPLE or (points <= COMPLEX and not wanted):
        return Decision(workers[0].name, points, "it is simple enough")
    if points > COMPLEX:
        return Decision(None, points, "it is too much for one")
    for worker in workers:
        if wanted <= domains_of(worker.description):
            return Decision(worker.name, points, f"it covers {', '.join(sorted(wanted))}")
    return Decision(None, points, f"nobody covers {', '.join(sorted(wanted))}")


def score(task: str, workers: Sequence[Worker]) -> float:
    """Return how much a task is for several, from 0 to 1."""
    text = task.lower()
    words = text.split()
    textual = sum(text.count(each) for each in _MARKERS)
    markers = textual + sum(_NUMBERED.fullmatch(each) is not None for each in words)
    points = 0.0
    if words and words[0] in _QUESTIONS and textual < 2:
        points -= 0.30
    if len(words) > 100:
        points += 0.10
    if markers >= 2:
        points += 0.25
    if any(each in text for each in _DELEGATION):
        points += 0.30
    if len(workers) >= 2 and sum(each.name.lower() in text for each in workers) >= 2:
        points += 0.40
    if len(domains_of(task)) >= 3:
        points += 0.20
    return min(1.0, max(0.0, points))


def domains_of(text: str) -> frozenset[str]:
    """Return the domains whose words a text has."""
    lower = text.lower()
    return frozenset(domain for domain, words in _WORDS.items() if words.search(lower))
