"""The kinds of value that stand in an organism file, and what every section has in common.

Durations are seconds, sizes are bytes, money is US dollars.
"""

from __future__ import annotations

from math import inf
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
)

from xml_pipeline import names

KIB = 1024
MIB = 1024 * KIB


class Section(BaseModel):
    """A part of the file: frozen, unknown keys refused, values taken as they are written.

    What fields have to do with one another is judged with the last of them, never for the
    whole model: that would be left out as soon as anything else in it is wrong.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _import_path(text: str) -> str:
    names.import_path(text)
    return text


def _handler(text: str) -> str:
    return text if names.plugin_handler(text) else _import_path(text)


def _peer(text: str) -> str:
    """Return a peer that may be one; whether it is there is seen when all are known."""
    is_reserved = text.partition(".")[0] in names.RESERVED_NAMES
    return text if text == "*" or is_reserved else names.listener_name(text)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must say something")
    return text


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as http://localhost:4318")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a name or a password: those come from the environment")
    return text


def _retention(value: object) -> float | Literal["keep", "prune"]:
    if value in ("keep", "prune"):
        return "keep" if value == "keep" else "prune"
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < inf:
        return float(value)
    raise ValueError("must be keep, prune, or days above zero")


Count = Annotated[int, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Megabytes = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Days = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Retention = Annotated[
    Literal["keep", "prune"] | float,
    PlainValidator(_retention, json_schema_input_type=Literal["keep", "prune"] | Days),
]
"""Judged as one value: each branch of a plain union would give an error of its own."""
Dollars = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotBlank = Annotated[str, AfterValidator(_not_blank)]
AList = Field(strict=False)  # a list in YAML is a tuple here; what it holds is strict again

HttpUrl = Annotated[str, AfterValidator(_http_url)]

PluginName = Annotated[str, AfterValidator(names.plugin_name)]
PackageNames = Annotated[tuple[Annotated[str, AfterValidator(names.package_name)], ...], AList]
Handler = Annotated[str, AfterValidator(_handler)]
ImportPath = Annotated[str, AfterValidator(_import_path)]
ImportPaths = Annotated[tuple[ImportPath, ...], AList]
OneOrMoreImportPaths = Annotated[
    ImportPaths, BeforeValidator(_one_or_many, json_schema_input_type=ImportPath | ImportPaths)
]

_NAME_SCHEMA = {
    "pattern": f"^{names.LISTENER_NAME}$",
    "maxLength": names.LISTENER_NAME_LENGTH,
}
ListenerName = Annotated[
    str, AfterValidator(names.listener_name), Field(json_schema_extra=dict(_NAME_SCHEMA))
]
Face = Literal["mcp", "a2a"]
OneOrMoreFaces = Annotated[
    tuple[Face, ...],
    AList,
    BeforeValidator(_one_or_many, json_schema_input_type=Face | tuple[Face, ...]),
]
Peer = Annotated[str, AfterValidator(_peer)]
OneOrMorePeers = Annotated[
    tuple[Peer, ...],
    AList,
    BeforeValidator(_one_or_many, json_schema_input_type=Peer | tuple[Peer, ...]),
]
