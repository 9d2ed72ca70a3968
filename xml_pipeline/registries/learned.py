"""Learned rules: what somebody has decided for always, for one principal of one tenant.

They are kept as marks, so that they outlive the process wherever anything does, and every node
knows them. A rule of the file that denies comes first: what it is about is never asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Literal

from xml_pipeline.backends import Mark
from xml_pipeline.errors import UnknownRule
from xml_pipeline.journal import Journal
from xml_pipeline.registries.arguments import Arguments
from xml_pipeline.thread import Conversation

_KIND = "permission"
_FOR_EVER = 100 * 365 * 86_400.0
_AS_FORGOTTEN = 60.0
"""Seconds for which it stands there that a rule was forgotten; what follows is nothing at all."""


@dataclass(frozen=True, slots=True)
class LearnedRule:
    """What has been decided for always.

    It holds for a call of ``tool`` by anybody who works for ``principal`` of ``tenant``: for one
    whose payload has the SHA-256 ``digest``, or, where that is empty, for all that have these
    texts at these paths of ``arguments``. ``at`` is in seconds since 1970.
    """

    id: str
    principal: str
    tenant: str
    tool: str
    action: Literal["allow", "deny"]
    digest: str = ""
    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    by: str = ""
    at: float = 0.0

    def covers(self, whose: Conversation, tool: str, call: Arguments) -> bool:
        """Tell whether it holds for a call."""
        if (self.principal, self.tenant, self.tool) != (whose.principal, whose.tenant, tool):
            return False
        if self.digest:
            return digest_of(call) == self.digest
        return all(call.at(path) == tuple(texts) for path, texts in self.arguments.items())


def digest_of(call: Arguments) -> str:
    """Return what tells one exact call from every other."""
    return sha256(call.xml).hexdigest()


class Learned:
    """The learned rules of a journal."""

    __slots__ = ("_journal",)

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def all(self) -> list[LearnedRule]:
        """Return all of them, the oldest first. BackendUnavailable."""
        await self._journal.written()
        marks = await self._journal.backend.marks(_KIND, self._journal.clock())
        rules = [LearnedRule(**json.loads(each.value)) for each in marks if each.value]
        return sorted(rules, key=lambda rule: (rule.at, rule.id))

    async def action(
        self, whose: Conversation, tool: str, call: Arguments
    ) -> Literal["allow", "deny"] | None:
        """Return what was learned about a call, None where nothing was; a no counts more."""
        found = {each.action for each in await self.all() if each.covers(whose, tool, call)}
        return "deny" if "deny" in found else "allow" if found else None

    def learn(self, rule: LearnedRule) -> None:
        """Keep a rule; it takes the place of one about the same calls."""
        value = json.dumps(asdict(rule), default=dict).encode()
        self._journal.mark(Mark(_KIND, rule.id, value, self._journal.clock() + _FOR_EVER))

    async def forget(self, rule_id: str) -> None:
        """Forget a rule; UnknownRule where there is none of that id."""
        if all(each.id != rule_id for each in await self.all()):
            raise UnknownRule(f"no learned rule {rule_id!r}")
        until = self._journal.clock() + _AS_FORGOTTEN
        self._journal.mark(Mark(_KIND, rule_id, b"", until))


def learned_rule(  # noqa: PLR0913  # a record, made of what is known of one decision
    whose: Conversation,
    tool: str,
    action: Literal["allow", "deny"],
    call: Arguments,
    paths: Sequence[str] | None,
    by: str,
    at: float,
) -> LearnedRule:
    """Return the rule that a decision makes: for this exact call, or for calls like it.

    ``paths`` are the arguments that it holds for, None for exactly this call. Raises ValueError
    where the call has no such argument.
    """
    arguments = {path: call.at(path) for path in paths or ()}
    if missing := [path for path, texts in arguments.items() if not texts]:
        raise ValueError(f"this call has no argument {missing[0]!r}")
    digest = digest_of(call) if paths is None else ""
    about = (whose.principal, whose.tenant, tool, digest, sorted(arguments.items()))
    id = sha256(json.dumps(about).encode()).hexdigest()[:16]
    return LearnedRule(id, whose.principal, whose.tenant, tool, action, digest, arguments, by, at)
