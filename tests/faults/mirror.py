"""What an organism is in the middle of, as data: to compare it with what a restart finds."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.kernel import Kernel
from xml_pipeline.message import Wire
from xml_pipeline.payload import RawPayload
from xml_pipeline.thread import Conversation, Thread

Picture = dict[str, Any]


def picture(kernel: Kernel, *, live: bool) -> Picture:
    """Return all that a restart must know of.

    A ``live`` one handles some of it right now: what it handles would be handed over again.
    """
    threads = {each.id: _thread(kernel, each, live=live) for each in kernel.threads}
    conversations = {
        each.conversation.id: _conversation(each.conversation) for each in kernel.threads
    }
    lines: dict[str, list[object]] = defaultdict(list)
    for wire in _wires(kernel):
        if wire.thread is None or wire.thread.open:
            lines[wire.conversation.id].append(_wire(wire))
    return {
        "threads": threads,
        "conversations": conversations,
        "under way": dict(lines),
        "counted": {"conversations": kernel.threads.conversations},
    }


def _conversation(it: Conversation) -> Picture:
    budget = it.budget
    spent = (0, 0.0, 0)
    if budget is not None:
        tokens = budget.spent_tokens + budget.reserved_tokens
        spent = (tokens, budget.spent_usd + budget.reserved_usd, budget.requests)
    return {
        "who": (it.channel, it.principal, it.tenant, it.party),
        "spent": spent,
        "ends": it.timer is not None,
    }


def _thread(kernel: Kernel, it: Thread, *, live: bool) -> Picture:
    standing = [] if it.current is None else [it.current, *(it.queue or ())]
    current = it.current.id if it.current is not None else None
    running = live and it.current is not None and kernel.scheduler.is_running(it.current)
    return {
        "parent": it.parent.id if it.parent is not None else None,
        "children": sorted(each.id for each in it.children or ()),
        "path": it.path,
        "request": it.request,
        "pending": it.pending,
        "hops": it.hops,
        "status": it.status,
        "answered": it.answered,
        "state": repr(it.state or {}),
        "slots": [(each.id, each.attempt) for each in it.slots or () if each.id != current],
        "owed": it.owed is not None,
        "delayed": {number: _said(each) for number, each in (it.delayed or {}).items()},
        "todos": [each.told for each in kernel.todos._by_thread.get(it, ())],
        "standing": [
            (each.id, each.listener.name, each.attempt + (running and not at), each.hops,
             each.kind, each.in_reply_to, each.sender, each.size, each.notes, repr(each.payload))
            for at, each in enumerate(standing)
        ],
    }  # fmt: skip


def _said(timer: Any) -> tuple[object, ...]:
    """Return what sets out later, as it would be written: what cannot be, as nothing."""
    _, _, response = timer._args
    payload = response.payload
    if isinstance(payload, RawPayload):
        payload = payload.xml
    elif not isinstance(payload, bytes):
        try:
            payload = payload.to_xml()
        except InvalidPayload:
            payload = b""
    return response.kind, response.to, response.key, payload


def _wires(kernel: Kernel) -> list[Wire]:
    """Return what is in the inbox, which is as it was afterwards."""
    queue = kernel.inbox._queue
    wires = queue.remove(lambda _: True)
    for each in wires:
        queue.put(each.conversation, each)
    return wires


def _wire(it: Wire) -> tuple[object, ...]:
    thread = it.thread.id if it.thread is not None else None
    where = (it.id, it.kind, it.origin, it.sender, thread)
    return (*where, it.in_reply_to, it.key, it.hops, it.to, it.repairs, it.raw)
