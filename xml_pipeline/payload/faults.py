"""How an error in the middle of a payload becomes a refusal that names the field."""

from __future__ import annotations

from xml_pipeline.errors import InvalidPayload

FAULTS = (
    TypeError, ValueError, ArithmeticError, AttributeError, LookupError, RecursionError,
)  # fmt: skip
"""What code may run into when a value is not of its declared type, or refuses itself."""


def refusal(field: str, error: BaseException) -> InvalidPayload:
    """Return the refusal for an error at a field, whose name leads the path of an inner one."""
    if isinstance(error, InvalidPayload):
        dot = "." if field and error.field and not error.field.startswith("[") else ""
        detail = error.detail.removeprefix(f"{error.field}: ")
        return InvalidPayload(detail, f"{field}{dot}{error.field}")
    if isinstance(error, RecursionError):
        return InvalidPayload("nested too deeply", field)
    return InvalidPayload(f"{type(error).__name__}: {error}", field)
