"""The kinds of text: how each looks in XSD, and how it turns into a value and back.

``write`` and ``read`` are expressions for the generated code, with ``{x}`` for the value and for
the text; the names they use are in `SUPPORT`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal
from uuid import UUID

from xml_pipeline.payload import lexical
from xml_pipeline.payload.lexical import MAX_DIGITS
from xml_pipeline.payload.text import escape

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}"  # xs:dateTime also knows 24:00:00
_ZONE = "(Z|[+\\-][0-9]{2}:[0-9]{2})"
_BASE64 = "[A-Za-z0-9+/=\\s]*"  # libxml2 passes over anything else
_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True, slots=True)
class ScalarType:
    """One row of the table.

    ``base`` is the XSD type, ``restriction`` the facets that cut it down to what Python has;
    ``takes`` names the facets that a field may add.
    """

    name: str
    python: type
    base: str
    write: str
    read: str
    takes: Literal["length", "bounds", ""] = ""
    restriction: tuple[str, ...] = ()


def _pattern(expression: str) -> str:
    return f'<xs:pattern value="{expression}"/>'


_DIGITS = f'<xs:totalDigits value="{MAX_DIGITS}"/>'

SCALARS: Mapping[type, ScalarType] = MappingProxyType(
    {
        row.python: row
        for row in (
            ScalarType("str", str, "xs:string", "escape({x})", "{x} or ''", "length"),
            ScalarType(
                "int",
                int,
                "xs:integer",
                "f'{{{x}:d}}'",
                f"int(t) if len(t := {{x}}) < {MAX_DIGITS} else read_long_int(t)",
                "bounds",
                (_DIGITS,),
            ),
            ScalarType(
                "float", float, "xs:double", "write_float({x})", "read_float({x})", "bounds"
            ),
            ScalarType("bool", bool, "xs:boolean", "BOOLEANS[{x}]", "{x}.strip() in TRUE"),
            ScalarType(
                "decimal",
                Decimal,
                "xs:decimal",
                "write_decimal({x})",
                "Decimal({x})",
                "bounds",
                (_DIGITS,),
            ),
            ScalarType(
                "date",
                date,
                "xs:date",
                "write_date({x})",
                "read_date({x}.strip())",
                restriction=(_pattern(_DATE),),
            ),
            ScalarType(
                "datetime",
                datetime,
                "xs:dateTime",
                "write_datetime({x})",
                "read_datetime({x}.strip())",
                restriction=(_pattern(f"{_DATE}T{_TIME}(\\.[0-9]{{1,6}})?{_ZONE}?"),),
            ),
            ScalarType(
                "bytes",
                bytes,
                "xs:base64Binary",
                "write_bytes({x})",
                "read_bytes({x})",
                "length",
                (_pattern(_BASE64),),
            ),
            ScalarType(
                "uuid",
                UUID,
                "xs:token",
                "write_uuid({x})",
                "UUID({x}.strip())",
                restriction=(_pattern(_UUID),),
            ),
        )
    }
)

SUPPORT: Mapping[str, object] = MappingProxyType(
    {
        "escape": escape,
        "BOOLEANS": {True: "true", False: "false"},
        "TRUE": ("true", "1"),
        "Decimal": Decimal,
        "UUID": UUID,
        "read_date": date.fromisoformat,
        "read_datetime": datetime.fromisoformat,
        "write_uuid": UUID.__str__,
        **{name: value for name, value in vars(lexical).items() if callable(value)},
    }
)
