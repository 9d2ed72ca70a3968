"""A board where jobs are posted for workers elsewhere: what both sides of it may expect.

What a job is, or an answer, is not known here: both are bytes. The rule of every board: a job is
given to one worker, and what a worker says of a job that it no longer has reaches nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

NoteKind = Literal["began", "asks", "ended"]
OrderKind = Literal["do", "told", "stop"]


class Note(NamedTuple):
    """What a worker says of a job: that it begins, what its handler asks, what came of it."""

    node: str
    number: str
    kind: NoteKind
    body: bytes


class Order(NamedTuple):
    """What a worker is told of a job: to do it, what its handler has asked for, to stop."""

    node: str
    number: str
    kind: OrderKind
    body: bytes


class Tended(NamedTuple):
    """How many processes living workers have, which jobs a dead one had, which nobody will take."""

    places: int
    lost: tuple[str, ...]
    untaken: tuple[str, ...]


class Board(Protocol):
    """The side of whoever has jobs to give. Everything may raise BackendUnavailable.

    A number is of one posting: whoever posts a job again gives it another.
    """

    def renew(self) -> None:
        """Forget everything that was posted: nobody will hear of it."""

    async def tend(self) -> Tended:
        """Say that one lives, and hear who else does; to be called about once a second."""

    async def post(self, jobs: Iterable[tuple[str, bytes]]) -> None:
        """Post jobs, each under its number."""

    async def withdraw(self, numbers: Iterable[str]) -> None:
        """Take jobs back; a worker that has one is told to stop."""

    async def tell(self, number: str, body: bytes) -> None:
        """Answer what the handler of a job has asked."""

    async def notes(self) -> Sequence[Note]:
        """Wait for notes, a few seconds at most."""

    async def close(self) -> None:
        """Take everything back, and go."""


class Seat(Protocol):
    """The side of a worker; BackendUnavailable too where it is taken to be dead."""

    async def sit(self) -> None:
        """Begin anew, with nothing in hand."""

    async def beat(self, nodes: Collection[str]) -> Collection[str]:
        """Say that one lives; return which of these have died themselves."""

    async def say(self, notes: Iterable[Note], freed: int) -> Sequence[Order]:
        """Say what has happened, and that so many more jobs would be taken: some come at once."""

    async def orders(self) -> Sequence[Order]:
        """Wait for orders, a few seconds at most."""

    async def rest(self) -> None:
        """Take no further job."""

    async def leave(self) -> None:
        """Go; what is still in hand is somebody else's."""


@runtime_checkable
class HasBoard(Protocol):
    """A backend that workers elsewhere reach as well."""

    def board(self) -> Board:
        """Return the board of whoever writes to this backend."""
