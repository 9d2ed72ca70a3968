"""Cases of a test that go the same way again."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def measured_once(cases: Iterable[object]) -> list[object]:
    """Return the cases, of which the first alone is measured for coverage.

    Of many seeds each goes where the first has gone, only in another order, and measuring takes
    more than twice what a case takes by itself.
    """
    first, *others = cases
    marked = (pytest.param(each, marks=pytest.mark.no_cover) for each in others)
    return [pytest.param(first), *marked]
