"""R1 and R9, at the size of continuous integration: ended again and again, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.killing import end_under_load
from tests.faults.processes import Runner

pytestmark = pytest.mark.no_cover

SEED = 20261127


async def test_a_process_killed_under_load_loses_nothing_and_does_nothing_twice(
    tmp_path: Path,
) -> None:
    ended = await end_under_load(tmp_path, Runner.kill, times=20, orders=20_000, seed=SEED)
    assert ended.codes == (*[-9] * 20, 143)
    assert ended.verdict.is_clean, f"seed {SEED}: {ended.verdict}"
    assert ended.verdict.acknowledged > 15_000


async def test_a_process_asked_to_stop_under_load_loses_nothing_and_does_nothing_twice(
    tmp_path: Path,
) -> None:
    ended = await end_under_load(tmp_path, Runner.stop, times=10, orders=5_000, seed=SEED)
    assert ended.codes == (143,) * 11
    assert ended.verdict.is_clean, f"seed {SEED}: {ended.verdict}"
    assert ended.verdict.repeated == 0  # What was under way was finished, and not begun again.
    assert ended.verdict.acknowledged > 4_000
