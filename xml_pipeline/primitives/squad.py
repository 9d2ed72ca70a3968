"""Squads: several listeners work side by side, each at its own, and share a blackboard.

A squad is a thread of ``system.squad`` and nothing else: the members' threads are below it, so
the blackboard that it opens is theirs alone, and when it answers or is killed all of that is
gone.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import Codec, codec_of
from xml_pipeline.primitives.fragments import element
from xml_pipeline.primitives.outcome import clipped, failure, leave_out
from xml_pipeline.primitives.payloads import (
    MOST_TEXT,
    SquadComplete,
    SquadError,
    SquadResult,
    SquadStart,
)
from xml_pipeline.primitives.reach import Reach, unreachable
from xml_pipeline.spent import Spent, spent_in, total
from xml_pipeline.system import SystemError

State = MutableMapping[str, Any]

_SPENT: Codec[Spent] = codec_of(Spent)


class RunSquad:
    """The handler of ``system.squad``.

    The state is flat, for it is copied with every answer: ``member 2`` is the name of the third
    one, and ``answer 2`` or ``failure 2`` is there once it has answered, ``spent 2`` where that is
    known of more than the answer itself says. Its number is the key of what it was sent, so that
    a second answer is none.
    """

    __slots__ = ("_reach",)

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def __call__(
        self, payload: Any, metadata: HandlerMetadata
    ) -> HandlerResponse | list[HandlerResponse] | None:
        """Start on a fresh thread; on one under way take in what a member came to."""
        state, key = metadata.state, metadata.in_reply_to
        if not state:
            return self._begin(payload, metadata)
        if f"member {key}" not in state or _has_answered(state, str(key)):
            leave_out(payload, metadata)
            return None
        why = failure(payload)
        if why is None:
            state[f"answer {key}"] = payload.to_xml().decode()
        else:
            state[f"failure {key}"] = why
        spent = payload.spent if isinstance(payload, SystemError) else metadata.spent
        if spent is not None:
            state[f"spent {key}"] = _SPENT.to_xml(spent).decode()
        return _finish(state)

    def spent_so_far(self, state: Mapping[str, Any]) -> Spent | None:
        """Return what the members have taken that have come to something."""
        members = (key.removeprefix("member ") for key in state if key.startswith("member "))
        known = (_spent(state, n) or spent_in(state.get(f"answer {n}", "")) for n in members)
        taken = [each for each in known if each is not None]
        return total(taken) if taken else None

    def _begin(
        self, start: Any, metadata: HandlerMetadata
    ) -> HandlerResponse | list[HandlerResponse]:
        if not isinstance(start, SquadStart):
            return _error(f"it begins with <{SquadStart.__name__}>")
        try:
            self._check(start, metadata)
        except ValueError as error:
            return _error(str(error))
        members = list(enumerate(start.members))
        metadata.state.update({f"member {index}": each.name for index, each in members})
        return [
            HandlerResponse(each.payload.encode(), to=each.name, key=str(index))
            for index, each in members
        ]

    def _check(self, start: SquadStart, metadata: HandlerMetadata) -> None:
        """Raise ValueError where the squad cannot begin: nobody does before everybody can."""
        named: set[str] = set()
        for each in start.members:
            if each.name in named:
                raise ValueError(f"{each.name!r} is a member twice")
            named.add(each.name)
            if self._reach.find(each.name, metadata) is None:
                raise ValueError(unreachable(each.name))
            try:
                element(each.payload)
            except ValueError as error:
                raise ValueError(f"what is for {each.name!r}: {error}") from None


def _has_answered(state: State, number: str) -> bool:
    return f"answer {number}" in state or f"failure {number}" in state


def _finish(state: State) -> HandlerResponse | None:
    """Hand the results over, once all are there."""
    members = [key.removeprefix("member ") for key in state if key.startswith("member ")]
    if not all(_has_answered(state, number) for number in members):
        return None
    results = tuple(_result(state, number) for number in members)
    if (size := sum(len(each.result.encode()) for each in results)) > MOST_TEXT:
        return _error(f"the results have {size} bytes, more than {MOST_TEXT}")
    return HandlerResponse.respond(SquadComplete(results))


def _result(state: State, number: str) -> SquadResult:
    name, answer = state[f"member {number}"], state.get(f"answer {number}")
    spent = _spent(state, number)
    if answer is None:
        return SquadResult(name, success=False, result=state[f"failure {number}"], spent=spent)
    return SquadResult(name, success=True, result=answer, spent=spent)


def _spent(state: Mapping[str, Any], number: str) -> Spent | None:
    kept = state.get(f"spent {number}")
    return _SPENT.from_xml(kept.encode()) if kept is not None else None


def _error(why: str) -> HandlerResponse:
    return HandlerResponse.respond(SquadError(clipped(why)))
