"""Sequences: a payload goes through one listener after another.

A sequence is a thread of ``system.sequence`` and nothing else: where it stands is the
thread's state, the steps' threads are below it, and when it answers or is killed all of that
is gone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.primitives.fragments import element
from xml_pipeline.primitives.outcome import add_up, added_up, clipped, failure, leave_out
from xml_pipeline.primitives.payloads import (
    SequenceComplete,
    SequenceError,
    SequenceRequest,
    SequenceStart,
)
from xml_pipeline.primitives.reach import Reach, unreachable
from xml_pipeline.spent import Spent
from xml_pipeline.system import ThreadEnded

Objection = tuple[int, str]
"""The place of a step, counted from 0, and what is wrong with it."""

Check = Callable[[str, Sequence[Listener], Listener | None], Objection | None]
"""Looks at the first payload's tag, the steps, and who gets the result, None for the requester."""


class RunSequence:
    """The handler of ``system.sequence``, and with a further check that of its factory.

    ``steps`` in the state are the names of the steps, then that of ``return_to`` if there is
    one; ``index`` is the one whose answer is awaited, and the key of what it was sent; ``spent``
    is what the steps have taken, where any of them kept account.
    """

    __slots__ = ("_check", "_reach", "_start")

    def __init__(
        self,
        start: type[SequenceStart | SequenceRequest],
        reach: Reach,
        check: Check = lambda tag, steps, receiver: None,
    ) -> None:
        self._start = start
        self._reach = reach
        self._check = check

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse | None:
        """Start on a fresh thread; on one under way take the awaited answer one step on."""
        state = metadata.state
        if not state:
            if isinstance(payload, self._start):
                return self._begin(payload, metadata)
            words = f"it begins with <{self._start.__name__}>"
            return HandlerResponse.respond(SequenceError("", "", 0, words))
        if metadata.in_reply_to != str(state["index"]):
            leave_out(payload, metadata)
            return None
        add_up(payload, metadata)
        return self._go_on(payload, metadata)

    def spent_so_far(self, state: Mapping[str, Any]) -> Spent | None:
        """Return what the steps have taken that have come to something."""
        return added_up(state)

    def _begin(
        self, start: SequenceStart | SequenceRequest, metadata: HandlerMetadata
    ) -> HandlerResponse:
        names = [name for name in map(str.strip, start.steps.split(",")) if name]
        elsewhere = start.return_to not in ("", metadata.from_id)
        path = [*names, start.return_to] if elsewhere else names
        sequence_id = start.sequence_id or secrets.token_hex(4)
        objection = self._objection(start.payload, path, len(names), metadata)
        if objection is not None:
            return _error(sequence_id, path, *objection)
        metadata.state.update(id=sequence_id, steps=",".join(path), count=len(names), index=0)
        return HandlerResponse(start.payload.encode(), to=names[0], key="0")

    def _objection(
        self, payload: str, path: Sequence[str], count: int, metadata: HandlerMetadata
    ) -> Objection | None:
        if not count:
            return 0, "there are no steps"
        found: list[Listener] = []
        for index, name in enumerate(path):
            listener = self._reach.find(name, metadata)
            if listener is None:
                return index, unreachable(name)
            found.append(listener)
        try:
            tag, _ = element(payload)
        except ValueError as error:
            return 0, f"the payload: {error}"
        return self._check(tag, found[:count], found[count] if count < len(found) else None)

    def _go_on(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse | None:
        state = metadata.state
        path, count, index = state["steps"].split(","), state["count"], state["index"]
        spent = added_up(state)
        if index == count and isinstance(payload, ThreadEnded):
            return None  # It was told, and has nothing to say; nor have we.
        why = failure(payload)
        if why is not None:
            return _error(state["id"], path, index, why, spent)
        answer: bytes = payload.to_xml()
        if index == count:
            return HandlerResponse.respond(answer, spent)
        state["index"] = index = index + 1
        if index < count:
            return HandlerResponse(answer, to=path[index], key=str(index))
        complete = SequenceComplete(state["id"], answer.decode(), count)
        if index == len(path):
            return HandlerResponse.respond(complete, spent)
        return HandlerResponse(complete, to=path[index], key=str(index))


def _error(
    sequence_id: str, path: Sequence[str], index: int, why: str, spent: Spent | None = None
) -> HandlerResponse:
    failed = path[index] if path else ""
    return HandlerResponse.respond(SequenceError(sequence_id, failed, index, clipped(why)), spent)
