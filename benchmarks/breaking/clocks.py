"""R10, R12, R13, R16, R18, R19, R22, R25: on a clock of their own, where waiting costs no time."""

from __future__ import annotations

from benchmarks.breaking.outcome import Fault, Outcome, first, percentile, some, virtually
from tests.faults.test_crash_points import sweep
from tests.faults.test_overload import delays_of_quick, five_times_too_many, slow_listener
from tests.faults.test_simulation import Simulation
from tests.faults.test_spending_survives import SPENDERS, spree
from tests.flows import test_growth
from tests.identity.test_verifying import test_a_clock_that_jumps_an_hour_reopens_nothing

LEAST_USED = 0.8
MOST_TIMES_ALONE = 1.5
JUMPS = (1, -1)


def slow(scale: float) -> Outcome:
    """Send a thousand a second to a listener that does one."""
    seconds = some(600 * scale)
    crowd, most = virtually(slow_listener(seconds))
    shed = crowd.told["ann: refused"] + crowd.told["ann: overload"]
    silent = 1_100 * seconds - crowd.told.total()
    late = max(crowd.delays)
    return Outcome(
        f"{seconds} s of 1,000 messages a second, and 100 to another",
        f"at most {most} waited; {shed:,} told that there are too many, {silent} told nothing; the "
        f"other answered {crowd.told['bob: answered']:,}, after {1_000 * late:.0f} ms at most",
        silent == 0 and most <= 400 and crowd.told["bob: answered"] == 100 * seconds,
    )


def overload(scale: float) -> Outcome:
    """Send five times what all handlers can do."""
    seconds = some(600 * scale)
    crowd, used, delays = virtually(five_times_too_many(seconds))
    fates = {each.partition(": ")[2] for each in crowd.told}
    answered = sum(number for each, number in crowd.told.items() if "answered" in each)
    return Outcome(
        f"{seconds} s of 2,000 messages a second, where 400 can be done",
        f"{answered:,} answered, {crowd.told.total() - answered:,} refused; {100 * used:.0f} % of "
        f"what can be done was done; afterwards an answer takes {1_000 * max(delays):.0f} ms, "
        "as ever",
        fates <= {"answered", "refused", "overload"} and used >= LEAST_USED,
    )


def flooded(scale: float) -> Outcome:
    """Let one sender flood an organism with what fails."""
    seconds = some(600 * scale)
    alone, _ = virtually(delays_of_quick(seconds, flooded=False))
    beside, told = virtually(delays_of_quick(seconds, flooded=True))
    times = percentile(beside, 99) / percentile(alone, 99)
    failed = len(alone) - told["bob: answered"]
    return Outcome(
        f"{seconds} s of 4,000 messages a second that fail or are refused",
        f"{failed} of {len(alone):,} answers to another were errors; p99 {times:.2f} times what "
        "it is without",
        failed == 0 and times <= MOST_TIMES_ALONE,
    )


def loops(scale: float) -> Outcome:
    """Let listeners ask each other for ever."""
    times = some(10 * scale)
    for name in test_growth.LOOPS:
        for _ in range(times):
            virtually(
                test_growth.test_agents_that_answer_each_other_for_ever_are_stopped_with_one_fault(
                    name
                )
            )
    return Outcome(
        f"{times * len(test_growth.LOOPS)} loops of {len(test_growth.LOOPS)} kinds",
        "each ended by its hops, whoever asked told so, nothing left",
        True,
    )


def jumps(scale: float) -> Outcome:
    """Let the clock on the wall jump."""
    times = some(10 * scale)
    for hours in JUMPS:
        for _ in range(times):
            virtually(test_growth.test_a_jump_of_the_clock_on_the_wall_changes_no_wait(hours))
            virtually(
                test_growth.test_a_jump_of_the_clock_neither_ends_nor_prolongs_a_conversation(hours)
            )
        test_a_clock_that_jumps_an_hour_reopens_nothing(3_600.0 * hours)
    return Outcome(
        f"{2 * times} jumps of an hour while handlers, timers and budgets run, 80 between "
        "signed envelopes",
        "no wait changed, no envelope heard twice (there are no JWTs yet)",
        True,
    )


def died(_: float) -> Outcome:
    """Die in each commit of an organism that uses everything."""
    points = sum(virtually(sweep(written)) for written in (False, True))
    return Outcome(
        f"{points} points: each commit, before and after it is written",
        "everything done, and once, at each of them",
        points > 0,
    )


def simulated(scale: float) -> Outcome:
    """Let random organisms die at random, and audit their books."""
    seeds = some(10_000 * scale)
    wrong = [seed for seed in range(seeds) if virtually(Simulation(seed).run())]
    return Outcome(
        f"{seeds:,} seeds", f"{len(wrong)} with something wrong{first(wrong)}", not wrong
    )


def overspent(scale: float) -> Outcome:
    """Let a hundred spend from one budget, and their process die."""
    seeds = some(1_000 * scale)
    wrong = [seed for seed in range(seeds) if virtually(spree(seed))]
    return Outcome(
        f"{seeds:,} seeds of {SPENDERS} who spend",
        f"{len(wrong)} out of balance{first(wrong)}",
        not wrong,
    )


CLOCKS = (
    Fault(
        "R10",
        "a listener is far too slow",
        "what waits is bounded, others are not delayed, whatever is shed is told so",
        slow,
    ),
    Fault(
        "R12",
        "five times more is sent than can be done",
        "at least 80 % of capacity put to use, explicit refusals, back to normal afterwards",
        overload,
    ),
    Fault("R13", "listeners ask each other for ever", "each stopped, by a fault", loops),
    Fault("R16", "the clock on the wall jumps", "no wait changes, nothing is reopened", jumps),
    Fault("R18", "the process dies at each point", "nothing lost or repeated", died),
    Fault("R19", "random organisms die at random commits", "the books are right", simulated),
    Fault(
        "R22",
        "a hundred spend from one budget and die",
        "never above the budget, never forgotten",
        overspent,
    ),
    Fault(
        "R25",
        "one sender floods, and each of its messages fails",
        "others get no error, and wait at most 1.5 times as long",
        flooded,
    ),
)
