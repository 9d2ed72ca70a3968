"""What an organism file says about a sandbox."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from xml_pipeline.config import Section
from xml_pipeline.config.values import AList, Count, NotBlank


class SandboxSettings(Section):
    """How commands are enclosed, and what they may take."""

    sandbox: Literal["auto", "bubblewrap", "landlock", "none"] = Field(
        default="auto",
        description="`auto`: bubblewrap, or else Landlock, or else the tool is refused. `none`:"
        " commands may do whatever this process may.",
    )
    network: bool = Field(default=False, description="Let commands use the network.")
    environment: Annotated[tuple[NotBlank, ...], AList] = Field(
        default=(), description="Environment variables that are handed on; no others are."
    )
    readable: Annotated[tuple[NotBlank, ...], AList] = Field(
        default=(), description="More paths that commands may read."
    )
    memory_mb: Count = Field(default=512, description="Megabytes of memory, in all.")
    processes: Count = Field(default=64, description="Processes at one time.")
    file_mb: Count = Field(default=64, description="Megabytes of one file.")
    disk_mb: Count = Field(
        default=512, description="Megabytes by which the disk of the workspace may fill up."
    )
    cpu_seconds: Count = Field(default=300, description="Seconds of a processor, each process.")
