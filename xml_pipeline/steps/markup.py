"""Read XML as somebody kind would read it: what looks like markup, and what it stands for.

The rule this file guards: whatever is well-formed is read exactly as XML says. Only what XML
refuses is read kindly, and never as more or less markup than was written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html.entities import html5
from typing import NamedTuple

# Productions 2, 4 and 4a of XML 1.0, fifth edition; names as Namespaces in XML has them.
FORBIDDEN = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""A character that no XML document can hold."""

_FIRST = (
    r"A-Z_a-z\xC0-\xD6\xD8-\xF6\xF8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C\u200D\u2070-\u218F"
    r"\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD\U00010000-\U000EFFFF"
)
_PLAIN_NAME = rf"[{_FIRST}][{_FIRST}.0-9\xB7\u0300-\u036F\u203F\u2040-]*+"
_NAME = rf"{_PLAIN_NAME}(?::{_PLAIN_NAME})?"
_BLANK = r"[ \t\n]"

# In a quoted value `<` may stand before what is no name: `x="1 < 2"`. Before a name it is more
# likely that a quote is missing. A value without quotes ends before `/>`.
_VALUE = (
    rf'"(?:[^"<]|<(?![{_FIRST}/!?]))*+"'
    rf"|'(?:[^'<]|<(?![{_FIRST}/!?]))*+'"
    r"|(?:[^ \t\n\"'`<>/]|/(?!>))++"
)
_ATTRIBUTE = re.compile(rf"{_BLANK}++({_NAME}){_BLANK}*+={_BLANK}*+({_VALUE})")

# Linear: each start tag is tried once, to the next `<` before a name at most, and what does
# not end is refused at once by whoever meets `broken`.
_TOKEN = re.compile(
    rf"""(?P<text>[^<]++)
    | (?P<comment><!--.*?-->)
    | (?P<cdata><!\[CDATA\[.*?\]\]>)
    | (?P<instruction><\?.*?\?>)
    | (?P<end></(?P<closed>{_NAME}){_BLANK}*+>)
    | (?P<start><(?P<opened>{_NAME})(?:{_ATTRIBUTE.pattern})*+{_BLANK}*+/?>)
    | (?P<broken><!--|<!\[CDATA\[|<\?|<!(?i:DOCTYPE)|</{_BLANK}*+(?:{_NAME}|>)
        |<{_NAME}{_BLANK}++{_NAME}{_BLANK}*+=)
    | (?P<unfinished><(?=[{_FIRST}/!]))
    | (?P<bare><)""",
    re.DOTALL | re.VERBOSE,
)

_MENTION = re.compile(r"(?<!`)`<[^`<]*(?<!/)>`(?!`)")
_AMPERSAND = re.compile(
    r"&(?:(?:#0*+([0-9]{1,7})|#x0*+([0-9A-Fa-f]{1,6})|([A-Za-z][A-Za-z0-9]*+));)?"
)
_PREDEFINED = frozenset({"amp", "lt", "gt", "quot", "apos"})


def tokens(text: str) -> Iterator[re.Match[str]]:
    """Take text apart, losing none of it; line ends are ``\\n`` already.

    The ``lastgroup`` of a token says what it looks like: ``text``, ``comment``, ``cdata``,
    ``instruction``, ``start``, ``end``; ``broken`` for the beginning of markup that does not
    end, or of a DOCTYPE; ``unfinished`` for a ``<`` before a name, ``/`` or ``!`` that begins
    no markup; ``bare`` for any other ``<``. The name of a tag is its group ``opened`` or
    ``closed``.
    """
    return _TOKEN.finditer(text)


def is_mentioned(tag: re.Match[str]) -> bool:
    """Say whether a tag stands alone between single backticks, as prose writes of a tag."""
    found = _MENTION.match(tag.string, max(tag.start() - 1, 0))
    return found is not None and found.end() == tag.end() + 1


class Attribute(NamedTuple):
    """An attribute as written; ``quote`` is empty where there was none."""

    name: str
    value: str
    quote: str


def attributes(start: re.Match[str]) -> Iterator[Attribute]:
    """Yield each attribute of a start tag."""
    # Matched one after the other, not searched for: a search would try each of many blanks.
    text, end = start.string, start.end()
    found = _ATTRIBUTE.match(text, start.end("opened"), end)
    while found:
        name, value = found.groups()
        if value[0] in "\"'":
            yield Attribute(name, value[1:-1], value[0])
        else:
            yield Attribute(name, value, "")
        found = _ATTRIBUTE.match(text, found.end(), end)


def meaning(written: str) -> str:
    """Return the characters that text stands for; an ``&`` of no reference stands for itself."""
    return _AMPERSAND.sub(lambda found: _referred(found) or found[0], written)


def escaped(written: str, repairs: Counter[str]) -> str:
    """Return well-formed text of the same meaning, and count what was done for it.

    References that XML knows stay as they are; those of HTML become numbers.
    """

    def rewritten(found: re.Match[str]) -> str:
        characters = _referred(found)
        if characters is None:
            repairs["a bare & was escaped"] += 1
            return f"&amp;{found[0][1:]}"
        if found[3] is None or found[3] in _PREDEFINED:
            return found[0]
        repairs[f"{found[0]} became a character"] += 1
        return "".join(f"&#{ord(character)};" for character in characters)

    if "<" in written:
        repairs["a bare < was escaped"] += written.count("<")
    return _AMPERSAND.sub(rewritten, written).replace("<", "&lt;")


def _referred(reference: re.Match[str]) -> str | None:
    """Return the characters a reference stands for; None for a bare ``&``, or for no character."""
    decimal, hexadecimal, name = reference.groups()
    if name is not None:
        return html5.get(f"{name};")
    if decimal is None and hexadecimal is None:
        return None
    number = int(decimal) if decimal is not None else int(hexadecimal, 16)
    is_character = number <= 0x10FFFF and not FORBIDDEN.match(chr(number))
    return chr(number) if is_character else None
