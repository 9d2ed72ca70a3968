"""Text as XML carries it: what has to be escaped, and what cannot be carried at all.

Rule: nothing leaves `escape` or `escape_attribute` that a parser would read as anything but this
text. The escapes of a text node are those of canonical XML: ``&amp; &lt; &gt; &#xD;``.
"""

from __future__ import annotations

import re

# XML 1.0, production 2 (Char), negated.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# XML 1.0, productions 4 and 4a (NameStartChar, NameChar), without the colon.
_START = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_FURTHER = "\\-.0-9\xb7\u0300-\u036f\u203f\u2040"
_NAME = re.compile(f"[{_START}][{_START}{_FURTHER}]*")
# What `encode_name` must encode: a bad first character, a bad further one, and an underscore
# that would read as the beginning of an escape.
_UNNAMEABLE = re.compile(
    f"^[^{_START}]|[^{_START}{_FURTHER}]|_(?=x[0-9A-F]{{4,6}}_)", flags=re.DOTALL
)


def escape(value: str) -> str:
    """Return the text as canonical XML writes it; ValueError for what XML cannot carry."""
    if not isinstance(value, str):
        raise TypeError(f"not a str but {type(value).__name__}")
    value = str.__str__(value)  # a subclass may format itself as something else
    # Most text that is not printable as it stands has newlines: the regex is for the rest.
    if not value.replace("\n", " ").isprintable() and (found := _FORBIDDEN.search(value)):
        raise ValueError(f"XML cannot carry the character U+{ord(found.group()):04X}")
    return (
        value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")
    )


def escape_attribute(value: str) -> str:
    """Return the text for use between double quotes; ValueError for what XML cannot carry."""
    return escape(value).replace('"', "&quot;").replace("\t", "&#x9;").replace("\n", "&#xA;")


def is_name(value: str) -> bool:
    """Tell whether an element may be called this (an NCName)."""
    return _NAME.fullmatch(value) is not None


def encode_name(value: str) -> str:
    """Turn any text into an element name, so that no two texts share one.

    What a name cannot have becomes ``_xHHHH_``, its code point in hexadecimal; so does an
    underscore that would otherwise read as an escape. The empty text becomes ``_x110000_``, for
    no character has that code point.
    """
    if not value:
        return "_x110000_"
    return _UNNAMEABLE.sub(lambda found: f"_x{ord(found.group()):04X}_", value)
