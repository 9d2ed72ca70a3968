"""Which work a request is a part of, as its header says (W3C Trace Context)."""

from __future__ import annotations

from starlette.datastructures import Headers

from xml_pipeline.steps.envelope import TRACEPARENT


def traceparent_in(headers: Headers) -> str:
    """Return the header of W3C Trace Context, "" where there is none that can be read."""
    said = headers.get("traceparent", "").strip()
    return said if TRACEPARENT.fullmatch(said) else ""
