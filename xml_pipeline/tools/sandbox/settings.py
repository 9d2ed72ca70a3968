"""What an organism file says about the sandbox of a shell."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from xml_pipeline.config import SandboxLimits


class SandboxSettings(SandboxLimits):
    """How commands are enclosed, and what they may take."""

    sandbox: Literal["auto", "bubblewrap", "landlock", "none"] = Field(
        default="auto",
        description="`auto`: bubblewrap, or else Landlock, or else the tool is refused. `none`:"
        " commands may do whatever this process may.",
    )
