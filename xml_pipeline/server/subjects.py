"""For whom a request is made: the person whose token whoever authenticated them hands over."""

from __future__ import annotations

from starlette.datastructures import Headers

from xml_pipeline.server.problems import Problem
from xml_pipeline.subject import Subject

SUBJECT = "subject-token"
"""The header with the token."""


def subject_in(headers: Headers) -> Subject | None:
    """Return the person that a request is made for, None where it says nothing of one.

    Problem for what is no token, which is not repeated in it.
    """
    given = headers.getlist(SUBJECT)
    if not given:
        return None
    try:
        (token,) = given
        return Subject(token)
    except ValueError:
        words = "A Subject-Token is one token, of visible ASCII characters."
        raise Problem(400, words) from None
