"""R4, R5 and R24: jobs that break their worker process among jobs that do not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tests.dispatch.crafts import Made, Order
from tests.dispatch.pooled import Watched, crafter, lines_of, workshop
from xml_pipeline.backends import DeadLetter
from xml_pipeline.errors import HandlerFailed, Unanswered
from xml_pipeline.events import Event, FaultEvent
from xml_pipeline.organism import Organism

REASONS = {
    "segfault": "was killed by SIGSEGV",
    "kill": "was killed by SIGKILL",
    "exit": "ended with exit code 3",
    "hoard": "MemoryError",
    "loop": "looper took longer than 0.5 s",
}
ENDS = dict.fromkeys(REASONS, "HandlerFailed handler") | {"loop": "Timeout timeout"}
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Done:
    """What came of many jobs.

    ``wrong`` tells of those that came to another end than theirs, ``told`` how often which reason
    was given, ``left`` what the organism still has of them; ``took`` how long each good one took,
    in seconds, the shortest first.
    """

    wrong: tuple[str, ...]
    told: Counter[str]
    faults: tuple[FaultEvent, ...]
    letters: tuple[DeadLetter, ...]
    left: int
    took: tuple[float, ...]


async def crash_among(jobs: int, crashes: Mapping[str, int], seed: int = 4) -> Done:
    """Do so many jobs in two workers, some of which break theirs in one of many ways."""
    orders = [(what, "3") for what, times in crashes.items() for _ in range(times)]
    orders += [("echo", str(number)) for number in range(jobs - len(orders))]
    Random(seed).shuffle(orders)
    listeners = crafter(), crafter("looper", timeout=0.5)
    async with workshop(*listeners, workers=2, memory_mb=512) as organism:
        return await _do_all(organism, orders)


async def poison_among(jobs: int, poison: int, seed: int = 5) -> Done:
    """Do so many jobs in two workers, some of which break theirs at each of five attempts."""
    orders = [("segfault", "")] * poison + [("echo", str(n)) for n in range(jobs - poison)]
    Random(seed).shuffle(orders)
    stubborn = crafter(max_deliveries=5, retry_delays=(0.01, 0.02))
    async with workshop(stubborn, workers=2) as organism:
        return await _do_all(organism, orders)


async def seconds_until_replaced(times: int) -> list[float]:
    """Kill the only worker, again and again; return how long the next job took each time."""
    clock, took = asyncio.get_running_loop().time, list[float]()
    async with workshop() as organism:
        for _ in range(times):
            try:
                await organism.ask("crafter", Order("kill"))
            except HandlerFailed:
                began = clock()
            assert await organism.ask("crafter", Order("echo", "back")) == Made("back")
            took.append(clock() - began)
    return took


@dataclass(frozen=True, slots=True)
class Cancelled:
    """How many of the cancelled ended late, left budget set aside, or something running."""

    late: int
    held: int
    left: int


async def cancel(times: int) -> Cancelled:
    """Cancel jobs that never end: by no longer waiting for them, or by killing their thread."""
    late = held = 0
    with lines_of("crafts") as lines:
        async with workshop(workers=2) as organism:
            for number in range(times):
                asking = asyncio.create_task(organism.ask("crafter", Order("spend and loop")))
                watched = Watched(int((await lines.next("loops")).getMessage().split()[1]))
                [thread] = organism.kernel.threads
                budget = organism.kernel.budgets.of(thread.conversation)
                assert budget.reserved_tokens == 10
                if number % 2:
                    asking.cancel()
                else:
                    organism.kill(thread.id)
                await asyncio.wait({asking})
                late += not await asyncio.to_thread(watched.end_within, 1)
                held += budget.reserved_tokens != 0
            assert await organism.ask("crafter", Order("echo", "still here")) == Made("still here")
            return Cancelled(late, held, organism.kernel.scheduler.running)


async def _do_all(organism: Organism, orders: Sequence[tuple[str, str]]) -> Done:
    faults: list[FaultEvent] = []

    def hear(event: Event) -> None:
        if isinstance(event, FaultEvent):
            faults.append(event)

    organism.subscribe(hear)
    outcomes, took = await _outcomes(organism, orders)
    kernel = organism.kernel
    return Done(
        wrong=tuple(
            f"{what} {about}: {came}"
            for (what, about), came in zip(orders, outcomes, strict=True)
            if came != ENDS.get(what, about)
        ),
        told=Counter(
            what for each in faults for what, reason in REASONS.items() if reason in each.detail
        ),
        faults=tuple(faults),
        letters=tuple(await kernel.journal.backend.letters()),
        left=kernel.scheduler.running + kernel.scheduler.waiting + len(kernel.threads),
        took=tuple(sorted(took)),
    )


async def _outcomes(
    organism: Organism, orders: Sequence[tuple[str, str]]
) -> tuple[list[str], list[float]]:
    """Give many orders, a hundred at a time; return what came of each, and the time of the good."""
    outcomes, took = [""] * len(orders), list[float]()
    clock = asyncio.get_running_loop().time

    async def work(waiting: Iterator[tuple[int, tuple[str, str]]]) -> None:
        for place, (what, about) in waiting:
            began = clock()
            outcomes[place] = await _outcome(organism, what, about)
            if what == "echo":
                took.append(clock() - began)

    waiting = iter(enumerate(orders))
    await asyncio.gather(*(work(waiting) for _ in range(AT_ONCE)))
    return outcomes, took


async def _outcome(organism: Organism, what: str, about: str) -> str:
    """Give an order, and return what came of it, or the code of its fault."""
    to = "looper" if what == "loop" else "crafter"
    try:
        answer = await organism.ask(to, Order(what, about))
    except Unanswered as error:
        return f"{type(error).__name__} {error.code}"
    assert isinstance(answer, Made)
    return answer.what
