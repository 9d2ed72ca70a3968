"""XML as JSON values and back: attributes as ``@name``, text beside others as ``#text``.

The rule this file guards: what comes in is data. It is read strictly, without DOCTYPE, entities or
keys that are there twice, and not deeper than both sides can be read again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload.raw import parse_xml, read_json
from xml_pipeline.payload.text import carried, is_name
from xml_pipeline.tools.base import ToolFailed

DEEPEST = 100
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?([eE][+-]?[0-9]{1,2})?")
_SCALARS: dict[str, Any] = {"true": True, "false": False, "null": None}

Step = tuple[bool, str]
"""A step of a path: whether it goes to any depth, and what it asks for."""


def read_xml(text: str) -> etree._Element:
    """Return the root of a document; ToolFailed where it is none."""
    try:
        root = parse_xml(text.encode())
    except InvalidPayload as error:
        raise ToolFailed(f"this is no XML that is read here: {error.detail}") from None
    waiting = [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        if depth > DEEPEST:
            raise ToolFailed(f"this XML is deeper than {DEEPEST}")
        waiting += [(child, depth + 1) for child in element]
    return root


def as_json(root: etree._Element) -> dict[str, Any]:
    """Return a document as JSON has it: its root's name, and what is in it."""
    return {_local(root): _value(root)}


def _value(element: etree._Element) -> Any:
    found: dict[str, Any] = {f"@{key!s}": _scalar(str(text)) for key, text in element.items()}
    for child in element:
        name, value = _local(child), _value(child)
        if name in found:
            several = found[name]
            found[name] = [*(several if isinstance(several, list) else [several]), value]
        else:
            found[name] = value
    text = "".join(_own_text(element)).strip()
    if not found:
        return _scalar(text)
    return {**found, "#text": _scalar(text)} if text else found


def _own_text(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        yield child.tail or ""


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _scalar(text: str) -> Any:
    """Return what a text most likely means; one that would not come back as it was stays text."""
    if text in _SCALARS:
        return _SCALARS[text]
    if not _NUMBER.fullmatch(text):
        return text
    value = float(text) if set(text) & set(".eE") else int(text)
    return value if str(value) == text else text


def from_json(text: str, root: str) -> etree._Element:
    """Return JSON as a document with a root of that name; ToolFailed where it cannot be."""
    try:
        value = read_json(text)
    except ValueError as error:
        raise ToolFailed(f"this is no JSON that is read here: {error}") from None
    element = etree.Element(_name(root))
    _fill(element, value, DEEPEST)
    return element


def _fill(element: etree._Element, value: Any, depth: int) -> None:
    if depth == 0:
        raise ToolFailed(f"this JSON is deeper than {DEEPEST}")
    if isinstance(value, dict):
        for key, each in value.items():
            _fill_key(element, key, each, depth - 1)
    elif isinstance(value, list):
        for each in value:
            _fill(etree.SubElement(element, "item"), each, depth - 1)
    else:
        element.text = _text(value)


def _fill_key(element: etree._Element, key: str, value: Any, depth: int) -> None:
    if key == "#text":
        element.text = _text(value)
    elif key.startswith("@"):
        element.set(_name(key[1:]), _text(value))
    else:
        for each in value if isinstance(value, list) else [value]:
            _fill(etree.SubElement(element, _name(key)), each, depth)


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise ToolFailed("an attribute, or #text, is text, a number or true, false, null")
    if isinstance(value, str):
        return carried(value)
    return json.dumps(value)


def _name(key: str) -> str:
    if not is_name(key):
        raise ToolFailed(f"{key!r} cannot be the name of an element or attribute")
    return key


# ── Paths ───────────────────────────────────────────────────────────────────────────────

_STEP = re.compile(r"(//?)?(?:(text\(\))|@([\w.-]+)|([\w.-]+|\*)(?:\[(\d{1,6})\])?)", re.ASCII)


def extract(root: etree._Element, path: str) -> list[str]:
    """Return what a path leads to: ``/a/b[2]``, ``//b``, ``*``, ``@name`` or ``text()`` at its end.

    Each step goes over every element once at most, so no path takes long.
    """
    document = etree.Element("document")
    document.append(root)
    at, end, ends = [document], 0, ""
    for step in _STEP.finditer(path):
        if step.start() != end or ends or (end and not step[1]):
            break
        end = step.end()
        found = _below(at) if step[1] == "//" else at
        if step[2] or step[3]:
            at, ends = found, step[3] or step[2]
        else:
            at = _children(found, step[4], int(step[5] or 0))
    if end != len(path) or not path:
        raise ToolFailed(f"this is no path that is known here: {path!r}")
    return [each for element in at for each in _ended(element, ends)]


def _below(elements: list[etree._Element]) -> list[etree._Element]:
    found: dict[etree._Element, None] = {}
    for element in elements:
        if element not in found:
            found.update(dict.fromkeys(element.iter()))
    return list(found)


def _children(elements: list[etree._Element], name: str, place: int) -> list[etree._Element]:
    found: dict[etree._Element, None] = {}
    for element in elements:
        fitting = [each for each in element if name in ("*", _local(each))]
        found.update(dict.fromkeys(fitting[place - 1 : place] if place else fitting))
    return list(found)


def _ended(element: etree._Element, ends: str) -> Iterator[str]:
    if not ends:
        yield etree.tostring(element, encoding="unicode", with_tail=False)
    elif ends == "text()":
        yield "".join(map(str, element.itertext()))
    elif (value := element.get(ends)) is not None:
        yield value
