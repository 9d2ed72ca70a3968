"""The arguments of a call: the texts in its payload, by their paths.

A path is names of fields joined by dots. The items of a list have no name: a path goes on in
each of them, so that it may lead to several texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from lxml import etree

from xml_pipeline.payload import Codec
from xml_pipeline.payload.raw import parse_xml

_ITEM = "item"


class Arguments:
    """The texts of one payload in its canonical form; nothing in them is stripped or folded."""

    def __init__(self, xml: bytes) -> None:
        self.xml = xml

    @cached_property
    def _root(self) -> etree._Element:
        return parse_xml(self.xml)

    def at(self, path: str) -> tuple[str, ...]:
        """Return the texts that a path leads to, none where there is no such field."""
        found = [self._root]
        for name in path.split("."):
            found = [below for each in found for below in _below(each, name)]
        return tuple(text for each in found for text in _texts(each))


def canonical(xml: bytes, codec: Codec[Any] | None) -> bytes:
    """Return a payload as its receiver understands it: what was left out has its default.

    ``codec`` is the receiver's, None where it takes any payload. Raises InvalidPayload.
    """
    return xml if codec is None else codec.to_xml(codec.from_xml(xml))


def _below(element: etree._Element, name: str) -> Iterator[etree._Element]:
    for child in element:
        tag = etree.QName(child).localname
        if tag == name:
            yield child
        elif tag == _ITEM:
            yield from _below(child, name)


def _texts(element: etree._Element) -> Iterator[str]:
    """Yield the text of an element, of a list each item's."""
    if len(element) and all(etree.QName(child).localname == _ITEM for child in element):
        for child in element:
            yield from _texts(child)
    else:
        yield str(element.xpath("string()"))
