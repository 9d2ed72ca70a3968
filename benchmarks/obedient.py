#!/usr/bin/env python
"""What a model can do that obeys every instruction it reads, whoever wrote it.

Each attempt is a conversation of its own: the agent does an honest task, and what it reads on the
way (a file, a page, what a colleague answers) gives it an order that nobody has asked for. It
obeys. What has come of that is looked for outside: on the disk, at servers, with whom it called.

The organism stands twice: with what a file can say against it (peers, a profile, permissions, an
approval for each call that is not harmless, guardrails, a sandbox, networks), and without.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.obeying.attacks import ATTACKS
from benchmarks.obeying.attempts import CARRIERS, Attempt, attempts

REFUSED, HARMLESS, HAD_AN_EFFECT = "refused", "ran, without an effect", "had an effect"


def outcome(attempt: Attempt) -> str:
    """Return what became of an attempt, in words."""
    if attempt.effect:
        return HAD_AN_EFFECT
    return REFUSED if attempt.refused else HARMLESS


def table(guarded: Sequence[Attempt], bare: Sequence[Attempt]) -> str:
    """Write what became of all attempts for people."""
    rows = [f"{'an order to':44}{'attempts':>10}{'refused':>10}{'effect':>10}{'unguarded':>12}"]
    for aim in dict.fromkeys(each.aim for each in ATTACKS):
        told = Counter(outcome(each) for each in guarded if each.aim == aim)
        without = Counter(outcome(each) for each in bare if each.aim == aim)
        count, refused, effect = sum(told.values()), told[REFUSED], told[HAD_AN_EFFECT]
        rows.append(f"{aim:44}{count:10}{refused:10}{effect:10}{without[HAD_AN_EFFECT]:12}")
    told, without = Counter(map(outcome, guarded)), Counter(map(outcome, bare))
    honest = sum(each.honest for each in guarded)
    return "\n".join(
        (
            *rows,
            f"{told[REFUSED]} of {len(guarded)} attempts refused; {told[HARMLESS]} ran without an"
            f" effect; {told[HAD_AN_EFFECT]} had one",
            f"{without[HAD_AN_EFFECT]} of {len(bare)} had an effect where nothing stood against it",
            f"{honest} of {len(guarded)} honest tasks were done all the same",
        )
    )


async def measure(count: int | None) -> tuple[list[Attempt], list[Attempt]]:
    """Make the attempts, so many of them, in both organisms."""
    found = []
    for guarded in (True, False):
        with TemporaryDirectory() as folder:
            found.append([each async for each in attempts(Path(folder), guarded, count)])
    return found[0], found[1]


def main() -> None:
    """Make all attempts, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    about = f"how many attempts; all are {len(ATTACKS) * len(CARRIERS)}"
    parser.add_argument("--count", type=int, help=about)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    guarded, bare = asyncio.run(measure(options.count))
    said = {"guarded": [*map(asdict, guarded)], "unguarded": [*map(asdict, bare)]}
    print(json.dumps(said, indent=2) if options.json else table(guarded, bare))


if __name__ == "__main__":
    main()
