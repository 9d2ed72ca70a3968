"""The kinds of text as JSON: how each looks in a JSON Schema, and how it turns into a value.

Schemas say by ``pattern`` all that ``format`` only hints at, so that any validator agrees with
`load`. ``(?!\\n)$`` is the end of the text in every dialect.
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

from xml_pipeline.payload.lexical import write_bytes, write_date, write_datetime
from xml_pipeline.payload.model.facets import Bound, Facets, Number
from xml_pipeline.payload.model.kinds import Scalar
from xml_pipeline.payload.raw import JsonValue

_LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_MONTH_DAY = (
    "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8])"
)
_DATE = f"(?!0000)(?:[0-9]{{4}}-(?:{_MONTH_DAY})|{_LEAP}-02-29)"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?"
_ZONE = "(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?"
_DECIMAL = "-?[0-9]{1,1000}(?:\\.[0-9]{1,1000})?"
_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_QUAD = "(?:[A-Za-z0-9+/]{4})"
_PAIR = "[A-Za-z0-9+/]{2}=="
_TRIPLE = "[A-Za-z0-9+/]{3}="


@dataclass(frozen=True, slots=True)
class JsonScalar:
    """``schema`` states the type and the facets; ``load`` checks the type, ``dump`` undoes it."""

    schema: Callable[[Facets], dict[str, Any]]
    load: Callable[[Any], Any]
    dump: Callable[[Any], JsonValue]


def scalar_schema(kind: Scalar) -> dict[str, Any]:
    """Return the JSON Schema of a piece of text with its constraints."""
    return JSON_SCALARS[kind.type.python].schema(kind.limits)


def load_scalar(kind: Scalar, value: object) -> object:
    """Return the value for a JSON value. Raises TypeError or ValueError if it does not fit."""
    loaded = JSON_SCALARS[kind.type.python].load(value)
    facets = kind.limits
    if isinstance(loaded, str):
        facets.check_text(loaded)
    elif isinstance(loaded, bytes):
        facets.check_length(len(loaded))
    elif facets.bounded:
        facets.check_number(loaded)
    return loaded


def dump_scalar(kind: Scalar, value: object) -> JsonValue:
    """Return the JSON value for a value. Raises TypeError or ValueError for what JSON has not."""
    if kind.type.python is Decimal:
        return _dump_decimal(value, as_text=not kind.facets.bounded)
    return JSON_SCALARS[kind.type.python].dump(value)


def _of(python: type) -> Callable[[Any], Any]:
    def load(value: Any) -> Any:
        if not isinstance(value, python) or (python is not bool and isinstance(value, bool)):
            raise TypeError(f"not {_ARTICLES[python]} but {type(value).__name__}")
        return value

    return load


_ARTICLES = MappingProxyType({str: "a string", int: "an integer", bool: "a boolean"})
_text, _flag, _whole = _of(str), _of(bool), _of(int)


def _integer(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(_whole(value))


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"not a number but {type(value).__name__}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"JSON has no {number}")
    return number


def _load_decimal(value: Any) -> Decimal:
    if isinstance(value, str):
        return Decimal(_matched(_DECIMAL, value))
    if isinstance(value, float):
        return Decimal(repr(_float(value)))
    return Decimal(_whole(value))


def _dump_decimal(value: Any, *, as_text: bool) -> JsonValue:
    """Return a JSON number where it is exact, else text where the schema allows that."""
    if value == value.to_integral_value() and abs(value.adjusted()) < 300:
        return int(value)
    if Decimal(repr(float(value))) == value:
        return float(value)
    text = format(value, "f")
    if not as_text:
        raise ValueError(f"a JSON number cannot hold {text}")
    return _matched(_DECIMAL, text)


def _matched(pattern: str, value: Any) -> str:
    text: str = _text(value)
    if not re.fullmatch(pattern, text):
        raise ValueError(f"{text[:40]!r} is not of the right form")
    return text


def _load_bytes(value: Any) -> bytes:
    return b64decode(_matched(f"{_QUAD}*(?:{_PAIR}|{_TRIPLE})?", value))


def _pattern(pattern: str) -> str:
    return f"^{pattern}(?!\\n)$"


def _constant(**schema: Any) -> Callable[[Facets], dict[str, Any]]:
    return lambda facets: dict(schema)


def _text_schema(facets: Facets) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if facets.min_length:
        schema["minLength"] = facets.min_length
    schema["maxLength"] = facets.max_length
    if facets.pattern:
        schema["pattern"] = facets.pattern.json
    return schema


def _number_schema(type_: str) -> Callable[[Facets], dict[str, Any]]:
    def schema(facets: Facets) -> dict[str, Any]:
        return {
            "type": type_,
            **_bound("minimum", "exclusiveMinimum", facets.low),
            **_bound("maximum", "exclusiveMaximum", facets.high),
        }

    return schema


def _bound(inclusive: str, exclusive: str, bound: Bound | None) -> Mapping[str, Number]:
    if bound is None:
        return {}
    value = bound.value
    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    return {inclusive if bound.inclusive else exclusive: value}


def _decimal_schema(facets: Facets) -> dict[str, Any]:
    if facets.bounded:
        return _number_schema("number")(facets)
    return {"type": ["number", "string"], "pattern": _pattern(_DECIMAL)}


def _bytes_schema(facets: Facets) -> dict[str, Any]:
    """Return a pattern that counts octets: three in each four characters, fewer in the last."""
    least, most = facets.min_length, facets.max_length or 0
    ways = [
        f"{_QUAD}{{{max(0, -((rest - least) // 3))},{(most - rest) // 3}}}{ending}"
        for rest, ending in ((0, ""), (1, _PAIR), (2, _TRIPLE))
        if most >= rest and max(0, -((rest - least) // 3)) <= (most - rest) // 3
    ]
    return {
        "type": "string",
        "contentEncoding": "base64",
        "pattern": _pattern(f"(?:{'|'.join(ways)})"),
    }


JSON_SCALARS: Mapping[type, JsonScalar] = MappingProxyType(
    {
        str: JsonScalar(_text_schema, _text, _text),
        int: JsonScalar(_number_schema("integer"), _integer, int),
        float: JsonScalar(_number_schema("number"), _float, _float),
        bool: JsonScalar(_constant(type="boolean"), _flag, _flag),
        Decimal: JsonScalar(_decimal_schema, _load_decimal, str),
        date: JsonScalar(
            _constant(type="string", format="date", pattern=_pattern(_DATE)),
            lambda value: date.fromisoformat(_matched(_DATE, value)),
            write_date,
        ),
        datetime: JsonScalar(
            _constant(
                type="string",
                pattern=_pattern(f"{_DATE}T{_TIME}{_ZONE}"),
                examples=["2026-01-31T12:00:00Z"],
            ),
            lambda value: datetime.fromisoformat(_matched(f"{_DATE}T{_TIME}{_ZONE}", value)),
            write_datetime,
        ),
        bytes: JsonScalar(_bytes_schema, _load_bytes, write_bytes),
        UUID: JsonScalar(
            _constant(type="string", format="uuid", pattern=_pattern(_UUID)),
            lambda value: UUID(_matched(_UUID, value)),
            UUID.__str__,
        ),
    }
)
