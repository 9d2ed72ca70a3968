"""The outside checker: compares what clients were told with what really happened.

It shares no code with the pump. It knows numbers of orders, and lines that handlers wrote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found wrong, and how often things happened.

    ``lost`` were acknowledged and not done by every hand; ``doubled`` were done under two
    identities; ``unasked`` were done and never sent. ``repeated`` counts calls under the same
    identity as before, which a handler tells by its idempotency key.
    """

    acknowledged: int
    refused: int
    unknown: int
    lost: tuple[int, ...]
    doubled: tuple[int, ...]
    unasked: tuple[int, ...]
    repeated: int

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing is wrong."""
        return not (self.lost or self.doubled or self.unasked)


def judge(
    outcomes: Mapping[int, str], effects: Path, hands: Iterable[str], dead: Iterable[int] = ()
) -> Verdict:
    """Compare the outcomes that clients saw with the files of the hands and the dead letters."""
    told = defaultdict(set)
    for n, outcome in outcomes.items():
        told[outcome].add(n)
    given_up = set(dead)
    lost: set[int] = set()
    doubled: set[int] = set()
    unasked: set[int] = set()
    repeated = 0
    for hand in hands:
        done, lines = _done(effects / hand)
        lost |= told["ok"] - done.keys() - given_up
        doubled |= {n for n, identities in done.items() if len(identities) > 1}
        unasked |= done.keys() - told["ok"] - told["unknown"]
        repeated += lines - sum(map(len, done.values()))
    return Verdict(
        acknowledged=len(told["ok"]),
        refused=len(told["refused"]),
        unknown=len(told["unknown"]),
        lost=tuple(sorted(lost)),
        doubled=tuple(sorted(doubled)),
        unasked=tuple(sorted(unasked)),
        repeated=repeated,
    )


def _done(file: Path) -> tuple[dict[int, set[str]], int]:
    """Return under which identities each order was done, and how many calls that took."""
    done: dict[int, set[str]] = defaultdict(set)
    lines = file.read_text().splitlines() if file.exists() else []
    for line in lines:
        n, identity, _ = line.split()
        done[int(n)].add(identity)
    return done, len(lines)


def missing(outcomes: Mapping[int, str], effects: Path, hand: str) -> set[int]:
    """Return the acknowledged orders that a hand has not done yet."""
    acknowledged = {n for n, outcome in outcomes.items() if outcome == "ok"}
    return acknowledged - _done(effects / hand)[0].keys()
