"""Reads replies that may hold anything: what is not as it should be counts as absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def document(text: str | bytes) -> dict[str, Any]:
    """Return a JSON object. Raises ValueError where it is none, or holds what JSON has not."""
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
        found = _decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def arguments(text: str) -> tuple[dict[str, Any], str]:
    """Return the arguments of a call, and the text of those that are no JSON object.

    No text at all is how a model calls what takes no arguments.
    """
    if not text.strip():
        return {}, ""
    try:
        return document(text), ""
    except ValueError:
        return {}, text


def branch(source: Json, name: str) -> Json:
    """Return the object of that name, or an empty one."""
    found = source.get(name)
    return found if isinstance(found, dict) else {}


def branches(source: Json, name: str) -> list[Json]:
    """Return the objects in the list of that name."""
    found = source.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def words(source: Json, name: str) -> str:
    """Return the text of that name, or none."""
    found = source.get(name)
    return found if isinstance(found, str) else ""


def count(source: Json, name: str) -> int:
    """Return the number of that name, 0 where there is none."""
    found = source.get(name)
    return found if type(found) is int and found > 0 else 0


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


_decode = json.JSONDecoder(parse_constant=_refuse).decode
