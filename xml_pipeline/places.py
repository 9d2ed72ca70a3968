"""Where on this machine things lie: what outlives a process, what a user or a project has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def state_directory() -> Path:
    """Return the directory of this account for what outlives a process."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "xml-pipeline"


def config_directory() -> Path:
    """Return the directory of this account for what holds for all of its projects."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "xml-pipeline"


def upwards(folder: Path) -> Iterator[Path]:
    """Yield a folder and those above it up to the root of its git repository.

    Where there is no repository that is the folder alone.
    """
    above = (folder, *folder.parents)
    root = next((each for each in above if (each / ".git").exists()), folder)
    yield from above[: above.index(root) + 1]
