"""Python source under construction, and the objects that it names.

Rule: only names that are identifiers, and literals made by ``repr``, enter the text; every
object enters by a name of ours. No part of a message is ever compiled.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload.kinds import Model
from xml_pipeline.payload.scalars import SUPPORT

FAULTS = (TypeError, ValueError, AttributeError, KeyError, OverflowError, RecursionError)
"""What generated code may run into when a value is not of its declared type."""


def refusal(field: str, error: BaseException) -> InvalidPayload:
    """Return the refusal for an error at a field, its path led by the inner one's."""
    if isinstance(error, InvalidPayload):
        path = f"{field}.{error.field}" if field and error.field else field or error.field
        return InvalidPayload(error.detail.removeprefix(f"{error.field}: "), path)
    if isinstance(error, RecursionError):
        return InvalidPayload("nested too deeply", field)
    return InvalidPayload(f"{type(error).__name__}: {error}", field)


class Source:
    """Collects functions, then compiles them as one module that tracebacks can show."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._lines: list[str] = []
        self._names: dict[str, object] = {**SUPPORT, "FAULTS": FAULTS, "refusal": refusal}
        self._labels: Mapping[Hashable, str] = {
            key: f"{record.cls.__name__}_{number}"
            for number, (key, record) in enumerate(model.records.items())
        }

    def label(self, key: Hashable) -> str:
        """Return the part of a function's name that stands for a record."""
        return self._labels[key]

    def bind(self, stem: str, value: object) -> str:
        """Name an object for use in the text."""
        name = f"{stem}_{len(self._names)}"
        self._names[name] = value
        return name

    def function(self, head: str, body: list[str]) -> None:
        """Add ``def head:`` with its body."""
        self._lines += [f"def {head}:", *(f"    {line}" for line in body), ""]

    def new_name(self, stem: str) -> str:
        """Reserve a name for a function."""
        return self.bind(stem, None)

    def compile(self, filename: str) -> Callable[[str], Any]:
        """Compile everything; return a look-up of the functions by name."""
        text = "\n".join(self._lines)
        exec(compile(text, filename, "exec"), self._names)  # noqa: S102 - our own text, see above
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        return self._names.__getitem__
