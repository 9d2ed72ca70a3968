"""Permissions: whether a call may go on, is refused, or has to be decided by somebody.

The rule this file guards: what holds for a listener holds for everybody below it, whoever it
has called; of several lists the strictest word counts, and silence is never a yes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from xml_pipeline.config import PermissionConfig
from xml_pipeline.permission import Action, Permission
from xml_pipeline.registries.arguments import Arguments
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.thread import Thread

Rules = Sequence[Permission]

_STRICTNESS: Sequence[Action] = ("allow", "ask", "deny")


class Verdict(NamedTuple):
    """What is to become of a call, and why, for the log."""

    action: Action
    why: str


class Permissions:
    """The rules of the organism and of its listeners, as they are at present.

    ``active`` is False while there are none at all. ``seconds`` is how long a call waits for
    somebody to decide.
    """

    __slots__ = ("_listeners", "_rules", "active", "seconds")

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners
        self._rules: Rules = ()
        self.active = False
        self.seconds = 300.0

    def replace(self, rules: Rules, seconds: float) -> None:
        """Put other rules of the organism in place of the present ones."""
        self._rules, self.seconds = tuple(rules), seconds
        self.active = bool(rules) or any(each.permissions for each in self._listeners)

    def verdict(self, thread: Thread, tool: str, call: Callable[[], Arguments]) -> Verdict:
        """Judge a call of ``tool`` that is made on a thread.

        ``call`` is asked for the arguments only where a rule looks at them; what it raises
        is passed on.
        """
        strictest = Verdict("allow", "nothing is said against it")
        for whose, rules in self._in_effect(thread):
            verdict = _judged(whose, rules, tool, call)
            if _STRICTNESS.index(verdict.action) > _STRICTNESS.index(strictest.action):
                strictest = verdict
        return strictest

    def _in_effect(self, thread: Thread) -> Iterator[tuple[str, Rules]]:
        """Yield the lists that hold on a thread, and whose they are.

        Of a listener above that is not there any more nobody knows its rules: it has an empty
        list, which allows nothing.
        """
        guarded = False
        at: Thread | None = thread
        while at is not None:
            listener = self._listeners.find(at.callee)
            if at.callee and (listener is None or listener.permissions):
                yield at.callee, listener.permissions if listener is not None else ()
                guarded = True
            guarded = guarded or (listener is not None and listener.agent)
            at = at.parent
        if guarded and self._rules:
            yield "the organism", self._rules


def permissions_of(said: Iterable[PermissionConfig]) -> tuple[Permission, ...]:
    """Return the rules that a file says."""
    return tuple(Permission(each.tool, each.action, each.arguments) for each in said)


def _judged(whose: str, rules: Rules, tool: str, call: Callable[[], Arguments]) -> Verdict:
    for number, rule in enumerate(rules, 1):
        if fnmatchcase(tool, rule.tool) and _fits(rule, call):
            return Verdict(rule.action, f"rule {number} of {whose}: {rule.action} {rule.tool}")
    return Verdict("ask", f"no rule of {whose} fits {tool}")


def _fits(rule: Permission, call: Callable[[], Arguments]) -> bool:
    """Tell whether the arguments fit; to be allowed, every item of a list has to."""
    enough = all if rule.action == "allow" else any
    for path, pattern in rule.arguments.items():
        texts = call().at(path)
        if not texts or not enough(fnmatchcase(text, pattern) for text in texts):
            return False
    return True
