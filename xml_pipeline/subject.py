"""The person for whom a conversation is held, by the token that was given for them.

The rule this file guards: a subject is in memory only, for as long as its conversation is. Nothing
that is written down, logged or told holds one, and no other process is given it.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from typing import Any, NoReturn

LONGEST = 16_384
"""Characters of a token."""

_TOKEN = re.compile(r"[\x21-\x7e]+")


class Subject:
    """A token that speaks for a person; ValueError for what is none.

    ``person`` tells whether two tokens speak for the same one: the issuer and the subject where it
    is a JWT, else the token. Nobody has checked either here: whoever hands it over has, and the
    authorization server that is given it will.
    """

    __slots__ = ("person", "token")

    def __init__(self, token: str) -> None:
        if len(token) > LONGEST or not _TOKEN.fullmatch(token):
            raise ValueError(f"a token is 1 to {LONGEST} visible ASCII characters")
        self.token = token
        self.person = _claims(token) or (token,)

    def __repr__(self) -> str:
        return "Subject(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a subject stays in its process")


def subject_of(token: str) -> Subject | None:
    """Return whom a token speaks for; None where there is no token."""
    return Subject(token) if token else None


def same_person(one: Subject | None, other: Subject | None) -> bool:
    """Tell whether two speak for the same person; nobody and nobody do."""
    return (one.person if one else None) == (other.person if other else None)


def _claims(token: str) -> tuple[str, ...]:
    """Return the issuer and the subject of a JWT; nothing where it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return ()
    try:
        said: Any = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        found = (said["iss"], said["sub"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ()
    return found if all(isinstance(each, str) and each for each in found) else ()
