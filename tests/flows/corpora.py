"""Test material of others, which lies beside the project where it lies at all."""

from __future__ import annotations

from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "corpora"


def corpus(name: str) -> Path:
    """Return the folder of that material; the test is skipped, and says so, without it."""
    folder = _BESIDE / name
    if not folder.is_dir():
        pytest.skip(f"not run: ../shared/corpora/{name} is not there")
    return folder
