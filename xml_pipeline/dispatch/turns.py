"""Whose turn it is: brief jobs and long ones, each in places of their own.

The rule this file guards: a long job keeps no brief one waiting, as long as there is a place for
long ones. A job is long once it has lasted for some time: then it steps aside. Where most of what
its listener did last was long, it is expected to be, and begins there. Those that are expected
never have more than ``workers`` places: so many as they would have by themselves.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from xml_pipeline.dispatch.process import Task, WorkerProcess
from xml_pipeline.errors import XmlPipelineError

LAST = 8
"""About so many jobs tell what the next one of their listener will be like."""


@dataclass(frozen=True, slots=True)
class Crew:
    """What the workers are to be: how many at work, for how many jobs each, and set up how.

    Beside ``workers`` brief jobs there may be ``long_jobs`` that last longer than ``long_after``
    seconds.
    """

    workers: int
    long_jobs: int
    long_after: float
    jobs_each: int
    setup: bytes


@dataclass(slots=True, eq=False)
class Turn:
    """A job under way: whether it was ``expected`` to be long, and has stepped ``aside``.

    Without a timer it has lasted long.
    """

    task: Task
    expected: bool
    timer: asyncio.TimerHandle | None
    aside: bool = False

    @property
    def long(self) -> bool:
        """Tell whether it has a place for long ones."""
        return self.expected or self.aside


@dataclass(slots=True, eq=False)
class Habit:
    """Which ``share`` of what a listener did last was long: the mean, and soon of the last ones."""

    share: float = 0.0
    jobs: int = 0

    def note(self, *, long: bool) -> None:
        """Take another job into account."""
        self.jobs = min(self.jobs + 1, LAST)
        self.share += (long - self.share) / self.jobs


class Turns:
    """Gives jobs to workers that have none, first come, first served among those of a kind.

    ``heed`` is called when the number of long jobs has changed.
    """

    def __init__(self, crew: Crew, heed: Callable[[], None]) -> None:
        self.crew = crew
        self._heed = heed
        self._idle: list[WorkerProcess] = []
        self._turns: dict[WorkerProcess, Turn] = {}
        self._brief: deque[Task] = deque()
        self._long: deque[Task] = deque()
        self._habits: dict[str, Habit] = {}

    @property
    def long_jobs(self) -> int:
        """Return how many jobs are in places for long ones."""
        return sum(turn.long for turn in self._turns.values())

    @property
    def aside(self) -> int:
        """Return how many of those nobody had expected to be long."""
        return sum(turn.aside for turn in self._turns.values())

    def renew(self, crew: Crew) -> list[WorkerProcess]:
        """Have others work from now on, and return those that have nothing to do.

        Those that are at work yet take no place of the others. What the new ones will be like,
        nobody knows.
        """
        self.crew = crew
        for worker in tuple(self._turns):
            self._end(worker)
        self._habits.clear()
        self._brief.extend(self._long)
        self._long.clear()
        idle, self._idle = self._idle, []
        return idle

    def wait(self, task: Task) -> None:
        """Let a job wait for its turn."""
        self._queue(task).append(task)
        self.hand_out()

    def wait_again(self, task: Task) -> None:
        """Let a job that had its turn in vain be the next."""
        self._queue(task).appendleft(task)

    def refuse_all(self) -> list[Task]:
        """Let nobody wait any longer, and return those who did."""
        refused = [*self._brief, *self._long]
        self._brief.clear()
        self._long.clear()
        return refused

    def free(self, worker: WorkerProcess) -> None:
        """Let a worker that has nothing to do take a job."""
        self.done(worker)
        if worker.jobs:
            self._idle.append(worker)
        else:
            self._idle.insert(0, worker)  # Those that are warm come before it.

    def done(self, worker: WorkerProcess) -> None:
        """Note that a worker has done its job."""
        turn = self._end(worker)
        if turn is not None and turn.timer is not None:
            self._judge(turn.task, long=False)

    def gone(self, worker: WorkerProcess) -> None:
        """Forget a worker."""
        self._end(worker)
        if worker in self._idle:
            self._idle.remove(worker)

    def hand_out(self) -> None:
        """Give jobs to workers, as long as there are both, and places for jobs of their kind."""
        self._step_aside()
        for waiting, has_place in (
            (self._brief, self._brief_has_place),
            (self._long, self._long_has_place),
        ):
            while waiting and has_place() and (worker := self._next()) is not None:
                task = waiting.popleft()
                if not task.reply.done():
                    self._begin(worker, task, waiting is self._long)

    # ── a job under way ─────────────────────────────────────────────────────────────────────

    def _next(self) -> WorkerProcess | None:
        """Return who takes the next job."""
        while self._idle and self._idle[-1].leaving.is_set():
            self._idle.pop()
        return self._idle[-1] if self._idle else None

    def _begin(self, worker: WorkerProcess, task: Task, expected: bool) -> None:
        try:
            worker.take(task)
        except (XmlPipelineError, TypeError, ValueError) as error:
            task.reply.set_exception(error)
            return
        self._idle.remove(worker)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self.crew.long_after, self._lasts, worker)
        self._turns[worker] = Turn(task, expected, timer)
        if expected:
            self._heed()

    def _end(self, worker: WorkerProcess) -> Turn | None:
        turn = self._turns.pop(worker, None)
        if turn is not None and turn.timer is not None:
            turn.timer.cancel()
        if turn is not None and turn.long:
            self._heed()
        return turn

    def _brief_has_place(self) -> bool:
        return len(self._turns) - self.long_jobs < self.crew.workers

    def _long_has_place(self) -> bool:
        """Tell whether another long job may begin, beside those that are, or will be by now."""
        long = sum(turn.long or self._is_long(turn.task) for turn in self._turns.values())
        return long < min(self.crew.workers, self.crew.long_jobs)

    # ── what takes long ─────────────────────────────────────────────────────────────────────

    def _lasts(self, worker: WorkerProcess) -> None:
        """Note that a job takes long."""
        turn = self._turns[worker]
        turn.timer = None
        self._judge(turn.task, long=True)
        self.hand_out()

    def _step_aside(self) -> None:
        """Have jobs that take long leave their places to others, if there are places for them."""
        for turn in self._turns.values():
            late = turn.timer is None and not turn.long
            if late and self.long_jobs < self.crew.long_jobs:
                turn.aside = True
                self._heed()

    def _queue(self, task: Task) -> deque[Task]:
        """Return where a job waits among its kind."""
        return self._long if self._is_long(task) else self._brief

    def _is_long(self, task: Task) -> bool:
        """Tell what a job is expected to be."""
        habit = self._habits.get(task.host.listener)
        return habit is not None and habit.share > 0.5

    def _judge(self, task: Task, *, long: bool) -> None:
        """Learn from a job what others of its listener will be like, those that wait included."""
        before, name = self._queue(task), task.host.listener
        self._habits.setdefault(name, Habit()).note(long=long)
        if (now := self._queue(task)) is not before:
            now.extend(each for each in before if each.host.listener == name)
            others = [each for each in before if each.host.listener != name]
            before.clear()
            before.extend(others)
