"""What goes wrong, as A2A clients may know it: the errors of the protocol.

The rule this file guards: a client is told fixed words, or those that are meant for it. What else
there is to say stays in the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from a2a.utils.errors import A2AError, InternalError, InvalidParamsError, TaskNotFoundError

from xml_pipeline.errors import AuditFailed, BackendUnavailable, InvalidPayload
from xml_pipeline.server.problems import Problem


@contextmanager
def as_errors() -> Iterator[None]:
    """Turn what the server raises into what the protocol has."""
    try:
        yield
    except Problem as problem:
        raise _error(problem) from None
    except InvalidPayload as error:
        raise InvalidParamsError(f"This cannot be carried: {error}.") from None
    except BackendUnavailable:
        words = "The journal cannot be reached at present: what was asked for may have been done."
        raise InternalError(words) from None
    except AuditFailed:
        words = "It could not be written into the audit log, so it was not done."
        raise InternalError(words) from None


def _error(problem: Problem) -> A2AError:
    if problem.status in (404, 410):
        return TaskNotFoundError()
    if problem.status == 400:
        return InvalidParamsError(problem.words)
    about = {each: text for each, text in problem.members().items() if each in ("code", "id")}
    return InternalError(problem.words, about or None)
