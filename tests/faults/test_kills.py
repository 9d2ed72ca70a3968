"""R1, at the size of continuous integration: killed twenty times, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.killing import kill_under_load

SEED = 20261127


@pytest.mark.timeout(300)
async def test_a_process_killed_under_load_loses_nothing_and_does_nothing_twice(
    tmp_path: Path,
) -> None:
    killed = await kill_under_load(tmp_path, kills=20, orders=20_000, seed=SEED)
    assert killed.kills == 20
    assert killed.code == 143
    assert killed.verdict.is_clean, f"seed {SEED}: {killed.verdict}"
    assert killed.verdict.acknowledged + killed.verdict.unknown == 20_000 - killed.verdict.refused
    assert killed.verdict.acknowledged > 15_000
