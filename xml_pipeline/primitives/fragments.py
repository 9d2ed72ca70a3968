"""XML text inside a payload: taken apart strictly, whoever wrote it.

It may come from outside, so it is never repaired, and it is held to the limits of a document
from outside. It is one well-formed element after another, with nothing but blanks and comments
between them, or it is refused.
"""

from __future__ import annotations

from lxml import etree

from xml_pipeline.errors import Rejected
from xml_pipeline.steps.limits import check_limits
from xml_pipeline.steps.xml import strict_parser


def elements(text: str) -> tuple[tuple[str, str], ...]:
    """Return the tag and the text of each element.

    Raises ValueError, with words for whoever wrote the text, for anything else.
    """
    wrapped = f"<fragments>{text}\n</fragments>".encode()
    try:
        check_limits(wrapped)
        root = etree.fromstring(wrapped, strict_parser())
    except Rejected as rejected:
        raise ValueError(rejected.detail) from None
    except etree.XMLSyntaxError as error:
        raise ValueError(f"not well-formed XML: {error.msg}") from None
    between = [root.text, *(child.tail for child in root)]
    if stray := next((each.strip() for each in between if each and each.strip()), ""):
        raise ValueError(f"text outside of the elements: {stray[:40]!r}")
    return tuple(
        (str(child.tag), etree.tostring(child, encoding="unicode", with_tail=False))
        for child in root
    )


def element(text: str) -> tuple[str, str]:
    """Return the tag and the text of the only element; ValueError where it is not just one."""
    found = elements(text)
    if len(found) != 1:
        raise ValueError(f"one XML element is wanted, not {len(found)}")
    return found[0]
