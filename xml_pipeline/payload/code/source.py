"""Python source under construction, and the objects that it names.

Rule: only names that are identifiers, and literals made by ``repr``, enter the text; every
object enters by a name of ours. No part of a message is ever compiled.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from xml_pipeline.payload.faults import FAULTS, refusal
from xml_pipeline.payload.model.kinds import Model
from xml_pipeline.payload.raw import RawXml, content_of, read_json, write_json
from xml_pipeline.payload.regex.automaton import Automaton
from xml_pipeline.payload.scalars import SUPPORT


def matching(automaton: Automaton, value: str) -> str:
    """Return the value. Raises ValueError unless the whole of it matches."""
    if not automaton.matches(value):
        raise ValueError("does not match its pattern")
    return value


_NAMES: Mapping[str, object] = {
    **SUPPORT,
    "FAULTS": FAULTS,
    "RawXml": RawXml,
    "content_of": content_of,
    "matching": matching,
    "read_json": read_json,
    "refusal": refusal,
    "write_json": write_json,
}


class Source:
    """Collects functions, then compiles them as one module that tracebacks can show."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._lines: list[str] = []
        self._names: dict[str, object] = dict(_NAMES)
        self._labels: Mapping[object, str] = {
            key: f"{number}_{_identifier(record.cls.__name__)}"
            for number, (key, record) in enumerate(model.records.items())
        }

    def label(self, key: object) -> str:
        """Return the part of a function's name that stands for a record."""
        return self._labels[key]

    def bind(self, stem: str, value: object) -> str:
        """Name an object for use in the text."""
        name = f"{stem}_{len(self._names)}"
        self._names[name] = value
        return name

    def reserve(self, stem: str) -> str:
        """Return a name for a function that is about to be written."""
        return self.bind(stem, None)

    def function(self, head: str, body: Iterable[str]) -> None:
        """Add ``def head:`` with its body."""
        self._lines += [f"def {head}:", *(f"    {line}" for line in body), ""]

    def compile(self, filename: str) -> Callable[[str], Any]:
        """Compile everything; return a look-up of the functions by name."""
        text = "\n".join(self._lines)
        exec(compile(text, filename, "exec"), self._names)  # noqa: S102 - our own text, see above
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        return self._names.__getitem__


def _identifier(name: str) -> str:
    return name if name.isidentifier() else "record"
