"""What a sandbox is: where the process of a listener runs whose code nobody has to trust.

How it encloses is not known here; ``tools.enclosed`` has one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class Whose(Protocol):
    """Whom a message is for; ``HandlerMetadata`` is one."""

    @property
    def tenant(self) -> str: ...
    @property
    def principal(self) -> str: ...
    @property
    def conversation_id(self) -> str: ...
    @property
    def requester(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: ``why`` the sandbox ended it, where it did; ``output`` it wrote.

    ``begun`` is False where it could not be enclosed, and so was never run.
    """

    output: str
    code: int
    why: str = ""
    begun: bool = True


class Sandbox(Protocol):
    """Runs processes that reach nothing but what they are granted."""

    async def run(self, whose: Whose, argv: Sequence[str], fd: int) -> Ended:
        """Run a process until it ends, and leave nothing behind that it has started.

        It is handed the descriptor ``fd``. Whoever is cancelled ends it. Raises OSError where
        it cannot be started.
        """
        ...


async def undisturbed(work: Coroutine[Any, Any, Result]) -> Result:
    """Await something that has to clear away what it has started, however often it is cancelled.

    It hears of the first time only, and whoever awaits it goes on when it has ended.
    """
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            if not cancelled:
                task.cancel()
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return task.result()
