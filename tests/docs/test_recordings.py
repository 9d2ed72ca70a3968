"""The pictures of a terminal show what a terminal shows."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.house.source import ROOT

pytestmark = pytest.mark.no_cover

DOCS: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "generate_recordings.py"))


@pytest.mark.parametrize("name", DOCS["SCENES"])
def test_a_recording_is_what_its_command_shows_today(name: str, tmp_path: Path) -> None:
    shown = DOCS["played"](DOCS["SCENES"][name], tmp_path)
    picture = (DOCS["PICTURES"] / f"{name}.svg").read_text(encoding="utf-8")
    assert DOCS["told_in"](picture) == DOCS["told"](shown)
