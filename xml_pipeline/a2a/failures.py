"""Why an agent elsewhere gives no answer, and whether it was asked at all."""

from __future__ import annotations

import httpx
from a2a.client.errors import A2AClientError
from a2a.utils.errors import A2AError
from google.protobuf.json_format import ParseError

from xml_pipeline.a2a.http import NoToken, TooMuch
from xml_pipeline.errors import XmlPipelineError

UNREADABLE = (ParseError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What the SDK raises of answers that are none; all of them are of the agent's making."""

TROUBLES = (A2AError, httpx.HTTPError, *UNREADABLE)
"""What speaking with an agent raises."""

_BUSY = frozenset({429, 503})
_SERVER = 500


class AgentFailed(XmlPipelineError):
    """An agent cannot be asked, or has not answered; the words are for whoever asked.

    ``unsent`` says that it was not asked at all, so that asking again does no harm; ``passing``
    that the next question may well be answered.
    """

    def __init__(self, words: str, *, unsent: bool = False, passing: bool = False) -> None:
        super().__init__(words)
        self.unsent = unsent
        self.passing = passing or unsent


def failure_of(name: str, error: Exception) -> AgentFailed:
    """Return what an error of the SDK, or of HTTP, comes to."""
    cause = error if isinstance(error, httpx.HTTPError) else error.__cause__
    if isinstance(cause, TooMuch):
        return AgentFailed(f"{name} cannot be read: {cause}")
    if isinstance(cause, NoToken | httpx.ConnectError | httpx.ConnectTimeout):
        return AgentFailed(f"{name} cannot be reached: {_words(cause)}", unsent=True)
    if isinstance(cause, httpx.HTTPStatusError):
        return _status(name, cause.response.status_code)
    if isinstance(cause, httpx.RequestError):
        words = f"the connection to {name} broke; it may have done it, or not"
        return AgentFailed(f"{words}: {_words(cause)}", passing=True)
    if isinstance(error, A2AError) and not isinstance(error, A2AClientError):
        return AgentFailed(f"{name} refuses: {error.message}")
    if isinstance(error, UNREADABLE):
        return AgentFailed(f"{name} gave an answer that is none")
    return AgentFailed(f"{name} refuses: {error}")


def _status(name: str, code: int) -> AgentFailed:
    words = f"{name} answers with HTTP status {code}"
    return AgentFailed(words, unsent=code in _BUSY, passing=code >= _SERVER)


def _words(error: Exception) -> str:
    return f"{error}" or type(error).__name__
