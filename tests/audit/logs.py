"""Audit logs for tests: written, read, and damaged."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from xml_pipeline.audit.trail import Trail


def written(folder: Path, entries: int = 5) -> tuple[Path, Path]:
    """Write a log; return where it and its head are."""
    log, head, trail = folder / "audit.jsonl", folder / "elsewhere" / "head", Trail()
    trail.begin(log, head)
    for number in range(entries):
        trail.order("ada", "kill", {"thread": f"t{number}"})
    trail.end()
    return log, head


def entries(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_bytes().splitlines()]


def actions(log: Path) -> list[str]:
    return [each["action"] for each in entries(log)]


def told(log: Path, action: str) -> list[tuple[str, dict[str, Any]]]:
    """Return who did this, and what, each time."""
    return [(each["actor"], each["what"]) for each in entries(log) if each["action"] == action]


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow meanwhile, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a state directory of one's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "xml-pipeline"
