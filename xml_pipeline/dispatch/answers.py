"""What a handler said, as a sequence of responses."""

from __future__ import annotations

from collections.abc import Iterable
from types import CoroutineType
from typing import Any

from xml_pipeline.errors import FaultCode, XmlPipelineError
from xml_pipeline.listener import Handler, HandlerMetadata, HandlerResponse


async def all_said(
    handler: Handler, payload: object, metadata: HandlerMetadata
) -> Iterable[HandlerResponse]:
    """Call a handler and return everything that it says, once it has ended."""
    answer: Any = handler(payload, metadata)
    if answer.__class__ is CoroutineType or not hasattr(answer, "__aiter__"):
        return responses_of(await answer)
    return responses_of([each async for each in answer])


def responses_of(answer: object) -> Iterable[HandlerResponse]:
    """Return what a handler returned as a sequence of responses.

    Raises TypeError, which is the handler's failure, for anything that is not one.
    """
    if answer is None:
        return ()
    if answer.__class__ is HandlerResponse:
        return (answer,)
    if isinstance(answer, bytes):
        return (HandlerResponse(answer),)
    if answer.__class__ is list or (isinstance(answer, Iterable) and not isinstance(answer, str)):
        responses = tuple(answer)
        if all(isinstance(each, HandlerResponse) for each in responses):
            return responses
    raise TypeError(
        f"a handler returns HandlerResponse, several of them, bytes or None; not {answer!r}"
    )


def code_of(error: BaseException) -> FaultCode:
    """Return the fault code of what a handler raised."""
    if isinstance(error, XmlPipelineError) and error.code in ("budget", "timeout"):
        return error.code
    return "handler"
