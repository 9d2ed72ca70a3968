"""Which function a model meant whose name it misspelt.

This comes before permissions and guardrails look at a call: they judge what will really be called.
"""

from __future__ import annotations

from collections.abc import Collection

from rapidfuzz.distance import Levenshtein

FARTHEST = 2
"""Letters that may be wrong, missing or too many."""


def meant(name: str, known: Collection[str]) -> str | None:
    """Return the one of the known names that was meant, None where that is not clear.

    A name that is known means itself. Of others the nearest is meant if no other is as near, and
    if something of it is left: two letters of two may be wrong in any name of two letters.
    """
    if name in known:
        return name
    distances = {each: Levenshtein.distance(name, each, score_cutoff=FARTHEST) for each in known}
    nearest = min(distances.values(), default=FARTHEST + 1)
    candidates = [each for each, distance in distances.items() if distance == nearest]
    if nearest > FARTHEST or len(candidates) > 1:
        return None
    return candidates[0] if nearest < max(len(name), len(candidates[0])) else None
