"""Jobs for workers elsewhere: posted on a board, and waited for.

The rule this file guards: a job that is waited for is answered. By a worker; or as undone, where
that has died or the board does not answer; or as not begun, where nobody has begun with it. What
is said of a job that nobody waits for any more is dropped: each posting has a number of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import count

from xml_pipeline.board import Board, Note
from xml_pipeline.dispatch.frames import BadFrame
from xml_pipeline.dispatch.jobs import (
    Answer,
    Failure,
    JobUndone,
    decode_reply,
    decode_words,
    encode_words,
)
from xml_pipeline.dispatch.process import Host
from xml_pipeline.errors import BackendUnavailable, XmlPipelineError

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks at who lives, and before one begins anew with a board."""


class NotBegun(XmlPipelineError):
    """No worker elsewhere has begun with a job: it may be done by somebody else."""


class Errand:
    """One job that is waited for."""

    __slots__ = ("began", "begins", "host", "job", "reply")

    def __init__(self, job: bytes, host: Host, begins: Callable[[], None]) -> None:
        self.job = job
        self.host = host
        self.begins = begins
        self.began = False
        self.reply: asyncio.Future[Answer | Failure] = asyncio.get_running_loop().create_future()


class Elsewhere:
    """Has jobs done by workers that come to a board.

    ``places`` is how many processes those have; ``heed`` is called when that has changed.
    """

    def __init__(self, board: Board, heed: Callable[[], None]) -> None:
        self.places = 0
        self._board = board
        self._heed = heed
        self._living: asyncio.Task[None] | None = None
        self._known = asyncio.Event()
        self._numbers = count(1)
        self._waited: dict[str, Errand] = {}
        self._posts: list[tuple[str, bytes]] = []
        self._withdrawn: list[str] = []
        self._told: list[tuple[str, bytes]] = []
        self._anything = asyncio.Event()

    @property
    def running(self) -> bool:
        """Tell whether anybody looks at the board."""
        return self._living is not None

    def start(self) -> None:
        """Begin to look who is there."""
        if self._living is None:
            self._living = asyncio.get_running_loop().create_task(self._live(), name="elsewhere")

    async def known(self) -> None:
        """Wait until it is known whether anybody is there."""
        await self._known.wait()

    async def stop(self) -> None:
        """Take everything back."""
        if self._living is not None:
            living, self._living = self._living, None
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
            await self._board.close()

    async def run(self, job: bytes, host: Host, begins: Callable[[], None]) -> Answer | Failure:
        """Have a job done; ``begins`` is called when a worker begins with it.

        Raises JobUndone where its worker died, NotBegun where it may be done elsewhere. Whoever
        is cancelled stops the worker.
        """
        number, errand = str(next(self._numbers)), Errand(job, host, begins)
        self._waited[number] = errand
        self._posts.append((number, job))
        self._anything.set()
        try:
            return await errand.reply
        except asyncio.CancelledError:
            self._withdrawn.append(number)
            self._anything.set()
            raise
        finally:
            del self._waited[number]

    # ── at the board ────────────────────────────────────────────────────────────────────────

    async def _live(self) -> None:
        """Look at the board, and begin anew when that does not answer."""
        try:
            while True:
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._tend())
                        group.create_task(self._say())
                        group.create_task(self._hear())
                except* BackendUnavailable as errors:
                    self._forget(str(errors.exceptions[0]))
                    self._board.renew()
                    self._count(0)
                await asyncio.sleep(EVERY)
        finally:
            self._forget("nobody looks at the board any more")

    def _forget(self, why: str) -> None:
        """Answer everybody that the job is undone: what has become of it, nobody can tell."""
        self._posts, self._withdrawn, self._told = [], [], []
        for errand in self._waited.values():
            _raise(errand, JobUndone(f"its worker cannot be heard: {why}"))

    async def _tend(self) -> None:
        while True:
            tended = await self._board.tend()
            for number in (*tended.lost, *tended.untaken):
                if (errand := self._waited.get(number)) is not None:
                    _raise(errand, _lost(errand))
            self._count(tended.places)
            await asyncio.sleep(EVERY)

    async def _say(self) -> None:
        while True:
            await self._anything.wait()
            self._anything.clear()
            posts, self._posts = self._posts, []
            withdrawn, self._withdrawn = self._withdrawn, []
            told, self._told = self._told, []
            if posts:
                await self._board.post(posts)
            if withdrawn:
                await self._board.withdraw(withdrawn)
            for number, answer in told:
                await self._board.tell(number, answer)

    async def _hear(self) -> None:
        while True:
            for note in await self._board.notes():
                errand = self._waited.get(note.number)
                if errand is not None and not errand.reply.done():
                    self._take(note, errand)

    def _take(self, note: Note, errand: Errand) -> None:
        try:
            match note.kind:
                case "began" if not errand.began:
                    errand.began = True
                    errand.begins()
                case "asks":
                    question, *arguments = decode_words(note.body)
                    errand.host.asked(question, arguments, self._teller(note.number))
                case "ended":
                    errand.reply.set_result(decode_reply(note.body))
        except BadFrame as error:
            log.error("a worker elsewhere has sent what is no answer: %s", error)
            _raise(errand, JobUndone(f"its worker has sent what is no answer: {error}"))
            self._withdrawn.append(note.number)
            self._anything.set()

    def _teller(self, number: str) -> Callable[[str, object], None]:
        def tell(code: str, answer: object) -> None:
            self._told.append((number, encode_words(code, answer)))
            self._anything.set()

        return tell

    def _count(self, places: int) -> None:
        """Note how many processes there are, and say so when that is news."""
        if not self._known.is_set() or bool(places) != bool(self.places):
            if places:
                log.info("workers elsewhere handle what is cpu-bound (processes: %d)", places)
            else:
                log.warning("no worker elsewhere is alive: what is cpu-bound is handled here")
        self._known.set()
        if places != self.places:
            self.places = places
            self._heed()


def _raise(errand: Errand, error: XmlPipelineError) -> None:
    if not errand.reply.done():
        errand.reply.set_exception(error)


def _lost(errand: Errand) -> XmlPipelineError:
    if errand.began:
        return JobUndone("the worker that had it has died, or cannot be heard any more")
    return NotBegun("nobody has begun with it")
