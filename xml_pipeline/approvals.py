"""Calls that wait for somebody to decide on them, as operators see them.

The rule this file guards: nothing here takes effect before it is in the audit log, and a decision
counts once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from xml_pipeline.errors import UnknownThread
from xml_pipeline.kernel import Kernel
from xml_pipeline.payload import codec_of
from xml_pipeline.primitives.approval import asking
from xml_pipeline.registries.arguments import Arguments
from xml_pipeline.registries.learned import LearnedRule, digest_of, learned_rule
from xml_pipeline.system import APPROVAL, ApprovalDecision
from xml_pipeline.thread import Thread

Decision = Literal["allow", "deny", "always_allow", "always_deny"]
"""What may be decided; ``always`` is remembered for whoever the call is made for."""

_ACTIONS: Mapping[Decision, Literal["allow", "deny"]] = MappingProxyType(
    {"allow": "allow", "always_allow": "allow", "deny": "deny", "always_deny": "deny"}
)


@dataclass(frozen=True, slots=True)
class Approval:
    """A call that waits.

    ``id`` is its thread, ``agent`` who wants it, ``payload`` exactly what ``tool`` would be
    given, ``principal`` of ``tenant`` for whom. ``since`` and ``expires`` are in seconds since
    1970.
    """

    id: str
    conversation_id: str
    agent: str
    tool: str
    payload: str
    principal: str
    tenant: str
    since: float
    expires: float


class Approvals:
    """Lists the calls that wait on this node, and takes decisions; ``by`` is always whose."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def attend(self) -> AbstractContextManager[None]:
        """Be there to be asked, while the context is open; while nobody is, asking denies."""
        return self._kernel.consent.attendance.attend()

    def waiting(self) -> list[Approval]:
        """Return the calls that wait, the oldest first."""
        found = (self._approval(each) for each in self._kernel.threads if _waits(each))
        return sorted(found, key=lambda each: each.since)

    def on(self, thread: Thread) -> Approval | None:
        """Return the call that waits on a thread, None where none does."""
        return self._approval(thread) if _waits(thread) else None

    def decide(
        self,
        thread_id: str,
        decision: Decision,
        *,
        by: str,
        reason: str = "",
        arguments: Sequence[str] | None = None,
    ) -> Approval:
        """Decide on the call that waits on a thread; return it.

        With ``always`` the same will not be asked again for the same principal and tenant: the
        very same call, or, where ``arguments`` names some by their paths, all calls of the tool
        that have the same ones; of no paths, all its calls. ``reason`` is what the agent is told
        of a denial.

        Raises UnknownThread where nothing waits any more, ValueError for an argument that the
        call has not and for a reason that XML cannot carry, AuditFailed.
        """
        if decision not in _ACTIONS:
            raise ValueError(f"{decision!r} is no decision: {', '.join(_ACTIONS)}")
        thread = self._kernel.threads.find(thread_id)
        if thread is None or not _waits(thread):
            raise UnknownThread(f"nothing waits for a decision on thread {thread_id!r}")
        approval = self._approval(thread)
        call = Arguments(approval.payload.encode())
        action = _ACTIONS[decision]
        said = ApprovalDecision(action == "allow", by, reason)
        codec_of(ApprovalDecision).to_xml(
            said
        )  # What cannot be written is refused before it counts.
        now = self._kernel.journal.clock()
        rule = learned_rule(thread.conversation, approval.tool, action, call, arguments, by, now)
        about = {"thread": approval.id, "agent": approval.agent, "tool": approval.tool}
        about |= {"decision": decision, "reason": reason, "call": digest_of(call)}
        self._kernel.audit.order(by, "decide", about)
        if decision.startswith("always"):
            self._kernel.consent.learned.learn(rule)
        self._kernel.settlement.say_instead(thread, said)
        return approval

    async def learned(self) -> list[LearnedRule]:
        """Return what was decided for always, the oldest first. BackendUnavailable."""
        return await self._kernel.consent.learned.all()

    async def forget(self, rule_id: str, *, by: str) -> None:
        """Ask again where it was decided for always; UnknownRule where it was not."""
        self._kernel.audit.order(by, "forget", {"rule": rule_id})
        await self._kernel.consent.learned.forget(rule_id)

    def _approval(self, thread: Thread) -> Approval:
        state, whose = thread.state or {}, thread.conversation
        return Approval(
            thread.id,
            whose.id,
            asking(thread, self._kernel.listeners),
            state["tool"],
            state["call"],
            whose.principal,
            whose.tenant,
            state["since"],
            state["expires"],
        )


def _waits(thread: Thread) -> bool:
    """Tell whether a call waits on a thread: somebody was asked, and has not decided."""
    return thread.callee == APPROVAL and thread.owed is not None
