"""Text as XML carries it: what has to be escaped, and what cannot be carried at all.

Rule: nothing leaves `escape` or `escape_attribute` that a parser would read as anything but this
text. The escapes of a text node are those of canonical XML: ``&amp; &lt; &gt; &#xD;``.
"""

from __future__ import annotations

import re
from functools import cache

from lxml import etree

# XML 1.0, production 2 (Char), negated.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROLS = bytes({*range(0x20)} - {0x09, 0x0A, 0x0D})
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_ASCII_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# The beginning of what `encode_name` makes of a character.
_ENCODED = re.compile(r"_x[0-9A-F]{4,6}_")
_NAME_XSD = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:element name="name" type="xs:NCName"/></xs:schema>"""


def escape(value: str) -> str:
    """Return the text as canonical XML writes it; ValueError for what XML cannot carry."""
    if not isinstance(value, str):
        raise TypeError(f"not a str but {type(value).__name__}")
    value = str.__str__(value)  # a subclass may format itself as something else
    if not _is_carried(value) and (found := _FORBIDDEN.search(value)):
        raise ValueError(f"XML cannot carry the character U+{ord(found.group()):04X}")
    return (
        value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")
    )


def carried(value: str) -> str:
    """Return the text with U+FFFD in the place of what XML cannot carry."""
    return _FORBIDDEN.sub("\ufffd", value)


def printable(value: str) -> str:
    """Return a stranger's words without what a terminal would obey, on one line."""
    return _OBEYED.sub("\ufffd", value)


def _is_carried(value: str) -> bool:
    """Tell whether XML can carry the text, in a sixth of the time that the regex takes."""
    try:
        octets = value.encode()
    except UnicodeEncodeError:
        return False
    controls = len(octets) - len(octets.translate(None, _CONTROLS))
    return not controls and "\ufffe" not in value and "\uffff" not in value


def escape_attribute(value: str) -> str:
    """Return the text for use between double quotes; ValueError for what XML cannot carry."""
    return escape(value).replace('"', "&quot;").replace("\t", "&#x9;").replace("\n", "&#xA;")


def is_name(value: str) -> bool:
    """Tell whether an element may be called this (an NCName).

    libxml2 knows two sets of names: the parser takes those of XML 1.0's fifth edition, XSD only
    those of the fourth. Both must do, so beyond ASCII it is asked itself.
    """
    if value.isascii():
        return _ASCII_NAME.fullmatch(value) is not None
    element = etree.Element("name")
    try:
        element.text = value
    except ValueError:
        return False
    # As a text it could have spaces around it.
    return _names().validate(element) and value.strip(" \t\r\n") == value


@cache
def _names() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(_NAME_XSD))


def encode_name(value: str) -> str:
    """Turn any text into an element name, so that no two texts share one.

    What a name cannot have becomes ``_xHHHH_``, its code point in hexadecimal; so does an
    underscore that would otherwise read as an escape. The empty text becomes ``_x110000_``, for
    no character has that code point.
    """
    if not value:
        return "_x110000_"
    return "".join(
        char if _stays(value, place, char) else f"_x{ord(char):04X}_"
        for place, char in enumerate(value)
    )


def _stays(value: str, place: int, char: str) -> bool:
    if char == "_" and _ENCODED.match(value, place):
        return False
    return is_name(char if place == 0 else f"a{char}")
