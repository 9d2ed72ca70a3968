"""The blackboard, as listeners use it: they ask ``system.blackboard``, and it finds theirs.

Whose it is follows from the threads alone, so nobody can name a blackboard that is not theirs.
"""

from __future__ import annotations

import json

from xml_pipeline.errors import Rejected
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import codec_of
from xml_pipeline.primitives.outcome import clipped
from xml_pipeline.primitives.payloads import (
    BlackboardError,
    BlackboardList,
    BlackboardRead,
    BlackboardText,
    BlackboardWrite,
)
from xml_pipeline.registries.blackboards import Blackboards
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.registries.threads import Threads
from xml_pipeline.thread import Thread

_TEXT = codec_of(BlackboardText)

Request = BlackboardWrite | BlackboardRead | BlackboardList


class UseBlackboard:
    """The handler of ``system.blackboard``.

    A blackboard belongs to the nearest thread, from the requester's own upwards, whose listener
    opens one, or else to the whole conversation.
    """

    __slots__ = ("_boards", "_listeners", "_threads")

    def __init__(self, listeners: Listeners, threads: Threads, boards: Blackboards) -> None:
        self._listeners = listeners
        self._threads = threads
        self._boards = boards

    async def __call__(self, request: Request, metadata: HandlerMetadata) -> HandlerResponse:
        """Write, read or list; Rejected for somebody outside, who has nobody to share it with."""
        asking = self._threads.get(metadata.thread_id).parent
        if asking is None:
            raise Rejected("routing", f"{metadata.from_id} takes part in no conversation yet")
        if isinstance(request, BlackboardWrite):
            return HandlerResponse.respond(self._write(asking, request))
        home = self._home(asking)
        if isinstance(request, BlackboardList):
            keys = self._boards.keys(home)
            return _text("\n".join(keys) or "There is nothing on the blackboard.")
        try:
            return _text(_as_text(self._boards.read(home, request.key)))
        except KeyError:
            return _text(f"There is nothing on the blackboard under {request.key!r}.")

    def _write(self, asking: Thread, write: BlackboardWrite) -> BlackboardText | BlackboardError:
        home = asking
        if write.outer and self._opens(asking) and asking.parent is not None:
            home = asking.parent
        try:
            _TEXT.to_xml(BlackboardText(_as_text(write.value)))  # Or nobody could ever read it.
            self._boards.write(self._home(home), write.key, write.value)
        except Rejected as error:
            return BlackboardError(clipped(error.detail))
        return BlackboardText(f"Written under {write.key!r}.")

    def _home(self, thread: Thread) -> Thread:
        while thread.parent is not None and not self._opens(thread):
            thread = thread.parent
        return thread

    def _opens(self, thread: Thread) -> bool:
        listener = self._listeners.find(thread.callee)
        return listener is not None and listener.opens_blackboard


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2)


def _text(words: str) -> HandlerResponse:
    return HandlerResponse.respond(BlackboardText(words))
