"""One message that came in over HTTP or a WebSocket, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from xml_pipeline.errors import NoReply, Unanswered, Undeliverable
from xml_pipeline.message import Delivery
from xml_pipeline.server.problems import Problem
from xml_pipeline.spent import told
from xml_pipeline.thread import Thread


class Exchange:
    """A message on its way, and the futures of those who want to know about it.

    ``reached`` is True once a listener is to be given it, whatever becomes of this process, and
    False where it was refused or dropped before; an error where nobody can tell any more whether it
    was written. ``answer`` is the answer that leaves its
    conversation, or how that ended without one. Both are shared: wait for them with
    ``asyncio.wait``, which cancels neither.
    ``malformed`` tells, of a message that was refused, whether it was no document at all.
    """

    __slots__ = ("answer", "id", "malformed", "reached", "thread")

    def __init__(self, thread: Thread, id: str) -> None:
        loop = asyncio.get_running_loop()
        self.thread = thread
        self.id = id
        self.answer: asyncio.Future[Delivery] = loop.create_future()
        self.reached: asyncio.Future[bool] = loop.create_future()
        self.reached.add_done_callback(asyncio.Future.exception)  # It is one that nobody asks for.
        self.malformed = False

    def end(self, waiter: asyncio.Future[Delivery]) -> None:
        """Take over what a waiter was told; an error that nobody asks for is none."""
        error = waiter.exception()
        if error is None:
            self.answer.set_result(waiter.result())
        else:
            self.answer.set_exception(error)
            self.answer.exception()

    def note_reached(self) -> None:
        """Note that a listener is to be given it."""
        if not self.reached.done():
            self.reached.set_result(True)

    @property
    def has_reached(self) -> bool:
        """Tell whether a listener is to be given it, as far as is known by now."""
        return self.is_known and self.reached.result()

    @property
    def is_known(self) -> bool:
        """Tell whether its fate is: that it is written and reaches a listener, or goes nowhere."""
        return self.reached.done() and self.reached.exception() is None

    @property
    def is_left(self) -> bool:
        """Tell whether nothing more comes of it here: others go on with it, if anybody does."""
        error = self.answer.exception() if self.answer.done() else None
        return error is not None and is_dismissal(error)

    @property
    def opened_its_conversation(self) -> bool:
        """Tell whether the conversation began with this message."""
        return self.id == f"{self.thread.id}.1"

    @property
    def size(self) -> int:
        """Return the bytes of the answer, 0 while there is none."""
        answered = self.answer.done() and not self.answer.exception()
        return self.answer.result().size if answered else 0

    def members(self) -> dict[str, str]:
        """Return where the message went, as a JSON object."""
        return {"thread": self.thread.conversation.id, "id": self.id}

    def result(self) -> Delivery | None:
        """Return the answer that is there by now, None where all went quiet without one.

        Raises Problem where it ended otherwise.
        """
        try:
            return self.answer.result()
        except NoReply:
            return None
        except Unanswered as error:
            where: dict[str, Any] = {"thread": self.thread.conversation.id, "message": self.id}
            if error.spent is not None:
                where["spent"] = told(error.spent)
            if error.code is None:
                words = f"{str(error).capitalize()}."
                raise Problem(503, words, retry_after=5.0, more=where) from None
            crowded = error.code == "overload"
            status = 503 if crowded else 400 if self.malformed else 422
            raise Problem(
                status,
                str(error),
                code=error.code,
                id=error.id,
                retry_after=1.0 if crowded else None,
                more=where,
            ) from None

    def when_over(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` once the answer, or its absence, is known."""
        self.answer.add_done_callback(lambda _: tell())


def is_dismissal(error: BaseException) -> bool:
    """Tell whether those who wait were told only that nothing will come here any more."""
    return isinstance(error, Undeliverable) and error.code is None
