"""Where on this machine things lie that outlive a process, but are no configuration."""

from __future__ import annotations

import os
from pathlib import Path


def state_directory() -> Path:
    """Return the directory of this account for what outlives a process."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "xml-pipeline"
