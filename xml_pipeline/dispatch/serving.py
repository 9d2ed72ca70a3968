"""A worker elsewhere: takes jobs from a board and has them done by processes of its own.

The rule this file guards: it works for nobody in vain. A job is stopped when that is asked for,
when whoever posted it has died, when its time is long up, and when the board does not answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from xml_pipeline.board import Note, NoteKind, Order, Seat
from xml_pipeline.config import OrganismConfig
from xml_pipeline.dispatch.frames import BadFrame
from xml_pipeline.dispatch.jobs import (
    Failure,
    Job,
    JobFailed,
    JobUndone,
    decode_job,
    decode_words,
    encode_words,
)
from xml_pipeline.dispatch.offload import MIB
from xml_pipeline.dispatch.pool import Pool
from xml_pipeline.dispatch.process import Tell
from xml_pipeline.dispatch.turns import Crew
from xml_pipeline.dispatch.worker import reply_bytes
from xml_pipeline.errors import BackendUnavailable, FaultCode, XmlPipelineError

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two signs of life, and before one begins anew with a board."""

AHEAD = 0.05
"""Seconds of work that a process has in hand beside the job that it works at: so nobody waits
for the way to the board where jobs are short, and no job for another where they are long."""

MOST_AHEAD = 3
"""Jobs that a process has in hand at most beside the one that it works at."""

GATHERS = 0.02
"""Seconds in which what is to be said may gather at most, while every process has more in hand.

And no longer than two jobs last: what came of one is not late by much more than it took.
"""

LATE = 1.0
"""Seconds that a job has beyond its time; by then whoever posted it should have stopped it."""

EVERYBODYS = ("xml_pipeline.payload", "xml_pipeline.system")
"""Where the payloads lie that any listener may accept, whatever its file allows."""

Key = tuple[str, str]
"""The node that has posted a job, and its number."""


class Serving:
    """Serves at a seat of a board, with the processes of a pool."""

    def __init__(self, seat: Seat, pool: Pool) -> None:
        self._seat = seat
        self._pool = pool
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._tells: dict[Key, Tell] = {}
        self._notes: list[Note] = []
        self._wanted = 0  # Jobs in hand, and those that were asked for.
        self._began: dict[Key, float] = {}
        self._lasts = 1.0  # Seconds that a job lasts, about.
        self._resting = False
        self._anything = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        pool.heed = self._anything.set

    async def run(self) -> None:
        """Serve until cancelled. Raises BackendUnavailable where there is no board to begin with,
        XmlPipelineError where no process gets ready."""
        self._pool.start()
        try:
            await self._ready()
            await self._seat.sit()
            log.info("serves (processes: %d)", self._pool.crew.workers)
            while True:
                try:
                    await self._serve()
                except* BackendUnavailable as errors:
                    log.warning("%s; what was in hand is stopped", errors.exceptions[0])
                await self._drop_all()
                await self._sit_again()
        finally:
            await self._drop_all()
            await self._seat.leave()
            await self._pool.stop()

    async def finish(self, seconds: float) -> None:
        """Take no further job, and wait so long at most for those in hand."""
        self._resting = True
        with suppress(BackendUnavailable, TimeoutError):
            async with asyncio.timeout(seconds):
                await self._seat.rest()
                while self._tasks or self._notes:
                    self._idle.clear()
                    await self._idle.wait()

    # ── at the board ────────────────────────────────────────────────────────────────────────

    async def _ready(self) -> None:
        try:
            await self._pool.ready()
        except JobFailed as error:
            raise XmlPipelineError(error.detail) from None

    async def _sit_again(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            with suppress(BackendUnavailable):
                await self._seat.sit()
                log.info("serves again")
                return

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._wanted = 0
            self._anything.set()
            group.create_task(self._beat())
            group.create_task(self._say())
            group.create_task(self._hear())

    async def _beat(self) -> None:
        while True:
            dead = await self._seat.beat({node for node, _ in self._tasks})
            for key, task in self._tasks.items():
                if key[0] in dead:
                    task.cancel()
            await asyncio.sleep(EVERY)

    async def _say(self) -> None:
        while True:
            await self._anything.wait()
            self._anything.clear()
            self._gathered()
            notes, more = tuple(self._notes), self._more()
            self._wanted += more
            for order in await self._seat.say(notes, more):
                self._take(order)
            del self._notes[: len(notes)]
            self._idle.set()

    def _soon(self) -> None:
        """Have said what there is to say: at once where a process may want for a job otherwise.

        Each way to the board costs as much as half a short job, so one way is for several.
        """
        if len(self._tasks) - self._pool.aside < 2 * self._pool.crew.workers:
            self._anything.set()
        elif self._gathering is None:
            loop = asyncio.get_running_loop()
            self._gathering = loop.call_later(min(GATHERS, 2 * self._lasts), self._anything.set)

    def _gathered(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None

    def _more(self) -> int:
        """Return how many more jobs to ask for."""
        ahead = min(MOST_AHEAD, int(AHEAD / self._lasts))
        most = (1 + ahead) * self._pool.crew.workers + self._pool.aside
        return 0 if self._resting else max(0, most - self._wanted)

    async def _hear(self) -> None:
        while True:
            for order in await self._seat.orders():
                self._take(order)

    def _take(self, order: Order) -> None:
        key = order.node, order.number
        match order.kind:
            case "do":
                if key not in self._tasks:
                    work = self._work(key, order.body)
                    self._tasks[key] = asyncio.get_running_loop().create_task(work)
            case "stop":
                if (task := self._tasks.get(key)) is not None:
                    task.cancel()
            case "told":
                if (tell := self._tells.pop(key, None)) is not None:
                    _pass_on(tell, order.body)

    async def _drop_all(self) -> None:
        """Stop everything in hand: nobody hears what would come of it."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._gathered()
        self._notes.clear()

    # ── one job ─────────────────────────────────────────────────────────────────────────────

    async def _work(self, key: Key, body: bytes) -> None:
        """Have a job done and say what came of it."""
        try:
            reply = await self._reply(key, body)
            self._note(key, "ended", reply)
        finally:
            del self._tasks[key]
            self._tells.pop(key, None)
            self._wanted -= 1
            self._lasted(self._began.pop(key, None))
            self._soon()

    async def _reply(self, key: Key, body: bytes) -> bytes:
        try:
            job = decode_job(body)
            limit = asyncio.timeout(None)
            async with limit:
                host = ElsewhereHost(job, partial(self._ask, key))
                begun = partial(self._begin, key, job, body, limit)
                return reply_bytes(await self._pool.run(begun, host))
        except TimeoutError:
            return _failure("timeout", f"took longer than {job.timeout} s")
        except JobUndone as error:
            return _failure("handler", error.detail, error.after)
        except JobFailed as error:
            return _failure(error.code, error.detail)
        except BadFrame as error:
            log.error("what was posted is no job: %s", error)
            return _failure("internal", str(error))

    def _begin(self, key: Key, job: Job, body: bytes, limit: asyncio.Timeout) -> bytes:
        self._note(key, "began", b"")
        now = self._began[key] = asyncio.get_running_loop().time()
        if job.timeout is not None and not limit.expired():
            limit.reschedule(now + job.timeout + LATE)
        return body

    def _lasted(self, began: float | None) -> None:
        """Note how long a job has lasted, so that the next ones are judged by it."""
        if began is not None:
            lasted = max(1e-3, asyncio.get_running_loop().time() - began)
            self._lasts += (lasted - self._lasts) / (2 if lasted > self._lasts else 8)

    def _ask(self, key: Key, question: bytes, tell: Tell) -> None:
        self._tells[key] = tell
        self._note(key, "asks", question)
        self._anything.set()

    def _note(self, key: Key, kind: NoteKind, body: bytes) -> None:
        self._notes.append(Note(*key, kind, body))
        self._soon()


class ElsewhereHost:
    """Passes on what a handler asks; what it logs is logged here, on behalf of the delivery."""

    def __init__(self, job: Job, ask: Callable[[bytes, Tell], None]) -> None:
        self.listener = job.listener
        self._job = job
        self._ask = ask

    def asked(self, question: str, arguments: list[object], tell: Tell) -> None:
        """Ask the organism; it answers a moment later."""
        self._ask(encode_words(question, *arguments), tell)

    def heard(self, level: int, logger: str, line: str) -> None:
        """Log a line."""
        job = self._job
        about = {
            "listener": job.listener,
            "thread_id": job.thread,
            "conversation_id": job.conversation,
            "message_id": f"{job.conversation}.{job.id}",
        }
        logging.getLogger(logger).log(level, "%s", line, extra=about)


def crew_of(config: OrganismConfig, processes: int, path: Sequence[str]) -> Crew:
    """Return what the processes of a worker are to be; ``path`` is where they import from.

    What they may import is the worker's own affair, whatever a job names. What a file says is
    cpu-bound is imported before the first job.
    """
    pool, bound = config.process_pool, [each for each in config.listeners if each.cpu_bound]
    named = {str(path) for each in bound for path in (each.handler, *each.payload_class) if path}
    memory = (pool.memory_mb or 0) * MIB
    setup = encode_words(
        list(path),
        sorted({*config.allow_imports, *EVERYBODYS}),
        sorted(named),
        {},
        memory,
        logging.INFO,
    )
    most_long, jobs_each = pool.most_long_jobs(processes), pool.max_tasks_per_child
    return Crew(processes, most_long, pool.long_after, jobs_each, setup)


def _pass_on(tell: Tell, body: bytes) -> None:
    try:
        code, answer = decode_words(body, 2)
    except BadFrame as error:
        code, answer = "handler", str(error)
    tell(str(code), answer)


def _failure(code: FaultCode, detail: str, after: float | None = None) -> bytes:
    return reply_bytes(Failure("JobUndone", detail, code, detail, after))
