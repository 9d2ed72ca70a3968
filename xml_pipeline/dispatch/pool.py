"""The pool: so many worker processes, each replaced when it dies, is worn out or outdated.

The rule this file guards: a job is with at most one worker, and the first that reads it is its
last. A worker that breaks takes its own job with it; the others, and those that wait, go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from xml_pipeline.dispatch.births import Births
from xml_pipeline.dispatch.jobs import Answer, Failure, JobFailed
from xml_pipeline.dispatch.process import Host, Task, WorkerProcess
from xml_pipeline.dispatch.restarts import Restarts
from xml_pipeline.dispatch.turns import Crew, Turns

log = logging.getLogger(__name__)

MOST_SECONDS = 60.0
"""How long a worker may take to get ready: to import what it works with."""

SPARE = 1
"""Processes that are kept ready beside those that may work."""

HOPELESS = 3
"""Workers in a row that never got ready: then whoever waits for one is told."""


class Pool:
    """Runs jobs in worker processes, first come, first served; those that take long apart.

    One process more than may work at one time is kept, to step in when another dies, and one for
    each job that takes long. ``heed`` is called when the number of those has changed.
    Before ``start`` it has no process, and whoever wants a job done waits.
    """

    def __init__(self, crew: Crew, restarts: Restarts | None = None) -> None:
        self.heed: Callable[[], None] = lambda: None
        self._turns = Turns(crew, self._long_jobs_changed)
        self._restarts = restarts
        self._births = Births()
        self._places: dict[int, asyncio.Task[None]] = {}
        self._workers: set[WorkerProcess] = set()
        self._anybody: asyncio.Future[None] | None = None
        self._numbers = 0
        self._generation = object()

    @property
    def crew(self) -> Crew:
        """Return what the workers are."""
        return self._turns.crew

    @property
    def aside(self) -> int:
        """Return how many jobs take long that nobody had expected to, and have stepped aside."""
        return self._turns.aside

    @property
    def running(self) -> bool:
        """Tell whether it has been started, and not stopped."""
        return bool(self._places)

    @property
    def workers(self) -> tuple[WorkerProcess, ...]:
        """Return the processes that live, ready or not."""
        return tuple(self._workers)

    def start(self) -> None:
        """Begin to start the workers."""
        if self._restarts is None:
            self._restarts = Restarts(asyncio.get_running_loop().time)
        self._fill_places(self._restarts)

    async def ready(self) -> None:
        """Wait until a worker can take a job; XmlPipelineError where none ever can."""
        self._anybody = asyncio.get_running_loop().create_future()
        await self._anybody

    async def stop(self) -> None:
        """Dismiss all workers, and wait until none is left."""
        places, self._places = tuple(self._places.values()), {}
        for place in places:
            place.cancel()
        await asyncio.gather(*places, return_exceptions=True)
        workers = self.workers
        for worker in workers:
            worker.dismiss()
        await asyncio.gather(*(worker.ended for worker in workers))
        await self._births.close()
        for task in self._turns.refuse_all():
            task.reply.cancel()

    def renew(self, crew: Crew) -> None:
        """Replace all workers by others; each finishes the job that it has."""
        self._generation = object()
        idle = self._turns.renew(crew)
        for worker in self._workers - set(idle):
            worker.ordered = True
            worker.leaving.set()
        for worker in idle:
            worker.dismiss()
        if self._restarts is not None and self.running:
            self._restarts.started()
            self._fill_places(self._restarts)

    async def run(self, job: Callable[[], bytes], host: Host) -> Answer | Failure:
        """Have a job done as soon as a worker is free; ``job`` is called then.

        Raises JobUndone where its worker dies. Whoever is cancelled kills the worker.
        """
        if self._restarts is not None and self._restarts.stillborn >= HOPELESS:
            raise _hopeless()
        task = Task(job, host)
        self._turns.wait(task)
        try:
            return await task.reply
        except asyncio.CancelledError:
            if task.worker is not None:
                task.worker.drop(task)
            raise

    def _available(self, worker: WorkerProcess) -> None:
        """Let a worker that has nothing to do take a job, unless its time has come."""
        if worker.leaving.is_set() or worker.jobs >= self.crew.jobs_each:
            self._turns.done(worker)
            worker.dismiss()
        else:
            self._turns.free(worker)
        self._turns.hand_out()

    # ── keeping the places filled ───────────────────────────────────────────────────────────

    @property
    def _wanted(self) -> int:
        """Return how many processes there are to be; those that are more stay until they die."""
        return self.crew.workers + SPARE + self._turns.long_jobs

    def _long_jobs_changed(self) -> None:
        if self._restarts is not None and self.running:
            self._fill_places(self._restarts)
        self.heed()

    def _fill_places(self, restarts: Restarts) -> None:
        for number in range(self._wanted):
            kept = self._places.get(number)
            if kept is None or kept.done():
                keeping = asyncio.get_running_loop().create_task(self._keep(number, restarts))
                self._places[number] = keeping

    async def _keep(self, number: int, restarts: Restarts) -> None:
        """Keep one place filled, as long as there is that place."""
        while number < self._wanted:
            worker = await self._hire()
            ready = worker is not None and await self._is_ready(worker)
            if worker is not None and ready:
                restarts.started()
                await worker.leaving.wait()
            if worker is not None and worker.ordered:
                continue
            pause = restarts.died(ready=ready)
            if restarts.stillborn >= HOPELESS:
                self._tell_hopeless()
            if pause:
                log.error("workers die too often: the next is started in %.1f s", pause)
                await asyncio.sleep(pause)

    async def _hire(self) -> WorkerProcess | None:
        self._numbers += 1
        name = f"worker-{self._numbers}"
        try:
            setup = self.crew.setup
            worker = await WorkerProcess.start(name, setup, self._available, self._births)
        except OSError as error:
            log.error("no worker can be started: %s", error)
            return None
        self._workers.add(worker)
        worker.ended.add_done_callback(lambda ended: self._ended(worker, ended.result()))
        return worker

    async def _is_ready(self, worker: WorkerProcess) -> bool:
        """Wait until a worker is ready and put it to work; False if it died before."""
        generation = self._generation
        waited = (worker.ready, worker.ended)
        await asyncio.wait(waited, timeout=MOST_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not worker.ready.done():
            worker.kill(f"did not get ready within {MOST_SECONDS} s")
        if not worker.ready.done() or worker.ready.cancelled():
            return False
        if generation is not self._generation:
            worker.dismiss()
        if self._anybody is not None and not self._anybody.done():
            self._anybody.set_result(None)
        self._available(worker)
        return True

    def _ended(self, worker: WorkerProcess, reason: str) -> None:
        self._workers.discard(worker)
        self._turns.gone(worker)
        if (task := worker.unread()) is not None:
            task.worker = None
            self._turns.wait_again(task)
        self._turns.hand_out()
        if not worker.ordered:
            log.error("%s (pid %d) %s", worker.name, worker.pid, reason)

    def _tell_hopeless(self) -> None:
        waiting: list[asyncio.Future[Any]] = [task.reply for task in self._turns.refuse_all()]
        if self._anybody is not None:
            waiting.append(self._anybody)
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(_hopeless())


def _hopeless() -> JobFailed:
    return JobFailed("internal", f"no worker process gets ready: {HOPELESS} in a row have died")
