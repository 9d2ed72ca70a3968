"""Property names as attributes, elements and classes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from keyword import iskeyword
from unicodedata import normalize

from xml_pipeline.payload.text import encode_name


def attribute_name(key: str, taken: Iterable[str]) -> str:
    """Return an identifier that resembles the property name and is not taken."""
    name = re.sub(r"\W+", "_", normalize("NFKC", key)).strip("_")
    if iskeyword(name):
        name = f"{name}_"
    candidates = (name, f"field_{name}", "field")
    return free(next(filter(str.isidentifier, candidates)), taken)


def element_name(key: str) -> str:
    """Return an element name that no other property name shares."""
    return encode_name(key)


def class_name(text: str) -> str:
    """Return an identifier for a class, a title or the last step of a pointer being its source."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word[0].upper() + word[1:] for word in words) or "Payload"
    return name if name.isidentifier() and not iskeyword(name) else f"_{name}"


def free(name: str, taken: Iterable[str]) -> str:
    """Return the name, with underscores behind it while it is taken."""
    known = set(taken)
    while name in known:
        name += "_"
    return name
