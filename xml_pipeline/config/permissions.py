"""What an organism file says about what may be called, and about who is asked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from xml_pipeline.config.values import AList, NotBlank, Seconds, Section


def _path(text: str) -> str:
    if not all(text.split(".")):
        raise ValueError(f"{text!r} is no path: names of fields, joined by dots")
    return text


FieldPath = Annotated[str, AfterValidator(_path)]


class PermissionConfig(Section):
    """One rule about calls; of a list, the first rule that fits decides."""

    tool: NotBlank = Field(
        description="Name of the listener that is called, or a glob such as `files.*`."
    )
    arguments: dict[FieldPath, str] = Field(
        default={},
        description="Dotted path of a field to a glob for its whole text; all of them have to"
        " fit. Of a list any item, for `allow` every one.",
    )
    action: Literal["allow", "deny", "ask"] = Field(
        description="`allow`, `deny`, or `ask` somebody."
    )


Permissions = Annotated[tuple[PermissionConfig, ...], AList]


class ApprovalsConfig(Section):
    """How somebody is asked."""

    seconds: Seconds = Field(
        default=300.0, description="Seconds that a call waits for somebody to decide."
    )
