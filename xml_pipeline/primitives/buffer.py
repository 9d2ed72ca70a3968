"""Buffers: many items go to one listener, several at a time, and their results come together.

A buffer is a thread of ``system.buffer`` and nothing else: what is still to be sent and what
has come back is the thread's state, the items' threads are below it, and when it answers or
is killed all of that is gone. One that does not collect acknowledges at once and stays open,
unheard, until its items have ended; like everything below its requester's thread it ends
with that one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload.text import escape
from xml_pipeline.primitives.fragments import elements
from xml_pipeline.primitives.outcome import add_up, added_up, clipped, failure, leave_out
from xml_pipeline.primitives.payloads import (
    MOST_TEXT,
    BufferComplete,
    BufferDispatched,
    BufferError,
    BufferStart,
)
from xml_pipeline.primitives.reach import Reach, unreachable
from xml_pipeline.spent import Spent
from xml_pipeline.system import ThreadEnded

State = MutableMapping[str, Any]

MOST_ITEMS = 5_000
"""Items in one buffer: each is at least two of the 10,000 messages that a conversation has."""

_RETURN = "return"
_LATE = "no answer in time"
_TIME_UP = b"<BufferTimeUp/>"  # What a buffer sends to itself: any payload would do.


class RunBuffer:
    """The handler of ``system.buffer``.

    The state is flat, for it is copied with every answer: ``item 7`` is there until item 7
    has been answered, and holds its text until it is sent; then ``result 7`` or ``failure 7``
    is. The item's number is the key of the message, so that a second answer to it is none.
    ``spent`` is what the items have taken, where any of them kept account.
    """

    __slots__ = ("_reach",)

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def __call__(
        self, payload: Any, metadata: HandlerMetadata
    ) -> HandlerResponse | list[HandlerResponse] | None:
        """Start on a fresh thread; on one under way take in an answer, and send what is next."""
        state, key = metadata.state, metadata.in_reply_to
        if not state:
            return self._begin(payload, metadata)
        if metadata.is_self_call:
            return _finish(state)
        if key != _RETURN and f"item {key}" not in state:
            leave_out(payload, metadata)
            return None
        add_up(payload, metadata)
        return _pass_on(payload, state) if key == _RETURN else _go_on(payload, state, str(key))

    def spent_so_far(self, state: Mapping[str, Any]) -> Spent | None:
        """Return what the items have taken that have come to something."""
        return added_up(state)

    def _begin(
        self, start: Any, metadata: HandlerMetadata
    ) -> HandlerResponse | list[HandlerResponse]:
        if not isinstance(start, BufferStart):
            return _error("", f"it begins with <{BufferStart.__name__}>")
        buffer_id = start.buffer_id or secrets.token_hex(4)
        try:
            items = self._items(start, metadata)
        except ValueError as error:
            return _error(buffer_id, str(error))
        state = metadata.state
        state.update({f"item {index}": item for index, item in enumerate(items)})
        state.update(id=buffer_id, target=start.target, total=len(items), sent=0, answered=0)
        state.update(collect=start.collect, return_to=_elsewhere(start, metadata))
        responses = [_send_next(state) for _ in items[: start.concurrency]]
        if not start.collect:
            dispatched = BufferDispatched(buffer_id, len(items))
            responses.insert(0, HandlerResponse.acknowledge(dispatched))
        elif start.timeout is not None:
            alarm = HandlerResponse(_TIME_UP, to=metadata.own_name)
            responses.append(alarm.after(start.timeout))
        return responses

    def _items(self, start: BufferStart, metadata: HandlerMetadata) -> list[str]:
        """Return the text of each item; ValueError where the buffer cannot begin."""
        if not start.collect and (start.timeout is not None or start.return_to):
            raise ValueError("timeout and return_to are for a buffer that collects")
        return_to = _elsewhere(start, metadata)
        for name in (start.target, return_to) if return_to else (start.target,):
            if self._reach.find(name, metadata) is None:
                raise ValueError(unreachable(name))
        try:
            items = [text for _, text in elements(start.items)]
        except ValueError as error:
            raise ValueError(f"the items: {error}") from None
        if not 0 < len(items) <= MOST_ITEMS:
            raise ValueError(f"from 1 to {MOST_ITEMS} items are wanted, not {len(items)}")
        return items


def _elsewhere(start: BufferStart, metadata: HandlerMetadata) -> str:
    """Return who gets the result, an empty string where that is the requester."""
    return start.return_to if start.return_to != metadata.from_id else ""


def _send_next(state: State) -> HandlerResponse:
    index = state["sent"]
    item: str = state[f"item {index}"]
    state.update({f"item {index}": "", "sent": index + 1})
    return HandlerResponse(item.encode(), to=state["target"], key=str(index))


def _go_on(payload: Any, state: State, index: str) -> HandlerResponse | None:
    del state[f"item {index}"]
    state["answered"] += 1
    if state["collect"]:
        why = failure(payload)
        if why is None:
            state[f"result {index}"] = payload.to_xml().decode()
        else:
            state[f"failure {index}"] = why
    if state["sent"] < state["total"]:
        return _send_next(state)
    all_answered = state["answered"] == state["total"]
    return _finish(state) if all_answered and state["collect"] else None


def _finish(state: State) -> HandlerResponse | None:
    """Hand the results over; those of items that are not answered yet are failures."""
    if "total" not in state:
        return None  # They were handed over before the time was up.
    buffer_id, return_to, spent = state["id"], state["return_to"], added_up(state)
    successful = sum(key.startswith("result ") for key in state)
    results = "".join(_results(state))
    if (size := len(results.encode())) > MOST_TEXT:
        return _error(buffer_id, f"the results have {size} bytes, more than {MOST_TEXT}", spent)
    complete = BufferComplete(buffer_id, state["total"], successful, results)
    if not return_to:
        return HandlerResponse.respond(complete, spent)
    account = {key: state[key] for key in ("id", "spent") if key in state}
    state.clear()
    state.update(account)
    return HandlerResponse(complete, to=return_to, key=_RETURN)


def _results(state: State) -> Iterator[str]:
    yield "<results>"
    for index in range(state["total"]):
        result = state.get(f"result {index}")
        if result is None:
            result = escape(state.get(f"failure {index}", _LATE))
            yield f'<item index="{index}" success="false">{result}</item>'
        else:
            yield f'<item index="{index}" success="true">{result}</item>'
    yield "</results>"


def _pass_on(payload: Any, state: State) -> HandlerResponse | None:
    """Answer the requester with what the receiver of the results has answered."""
    if isinstance(payload, ThreadEnded):
        return None  # It was told, and has nothing to say; nor have we.
    why = failure(payload)
    if why is not None:
        return _error(state["id"], why, added_up(state))
    return HandlerResponse.respond(payload.to_xml(), added_up(state))


def _error(buffer_id: str, why: str, spent: Spent | None = None) -> HandlerResponse:
    return HandlerResponse.respond(BufferError(buffer_id, clipped(why)), spent)
