"""What an organism file says about a sandbox."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from xml_pipeline.config.values import AList, Count, NotBlank, Section


class SandboxLimits(Section):
    """What somebody in a sandbox may reach, and what it may take."""

    network: bool = Field(default=False, description="Let it use the network.")
    environment: Annotated[tuple[NotBlank, ...], AList] = Field(
        default=(), description="Environment variables that are handed on; no others are."
    )
    readable: Annotated[tuple[NotBlank, ...], AList] = Field(
        default=(), description="More paths that it may read."
    )
    memory_mb: Count = Field(default=512, description="Megabytes of memory, in all.")
    processes: Count = Field(default=64, description="Processes at one time.")
    file_mb: Count = Field(default=64, description="Megabytes of one file.")
    disk_mb: Count = Field(
        default=512, description="Megabytes by which the disk of the workspace may fill up."
    )
    cpu_seconds: Count = Field(default=300, description="Seconds of a processor, each process.")


class SandboxConfig(SandboxLimits):
    """The sandbox that a listener's handler runs in, a process for each message."""

    kind: Literal["auto", "bubblewrap", "landlock"] = Field(
        default="auto",
        description="`auto`: bubblewrap, or else Landlock, or else the listener is refused.",
    )
    workspace: Literal["none", "read", "write"] = Field(
        default="none",
        description="What it may do with the files of the workspace, in which it then runs; `none`:"
        " it runs in an empty folder of its own, which is gone afterwards.",
    )


def _said_shortly(value: object) -> object:
    """Take ``true`` for all defaults, and ``false`` for none at all."""
    if isinstance(value, bool):
        return {} if value else None
    return value


ASandbox = Annotated[
    SandboxConfig | None,
    BeforeValidator(_said_shortly, json_schema_input_type=bool | SandboxConfig | None),
]
