"""Text as XML carries it: what has to be escaped, and what cannot be carried at all.

Rule: nothing leaves `escape` or `plain` that a parser would read as anything but this text.
The escapes are those of canonical XML for text nodes: ``&amp; &lt; &gt; &#xD;``.
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
_NAME = re.compile(f"[{_START}][{_START}\\-.0-9\xb7\u0300-\u036f\u203f\u2040]*")


def escape(value: str) -> str:
    """Return the text as canonical XML writes it; ValueError for what XML cannot carry."""
    if found := _FORBIDDEN.search(value):
        raise ValueError(f"XML cannot carry the character U+{ord(found.group()):04X}")
    return (
        value.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\r", "&#xD;")
    )


def is_name(value: str) -> bool:
    """Tell whether an element may be called this (an NCName)."""
    return _NAME.fullmatch(value) is not None
