"""How a server fails whoever asks it."""

from __future__ import annotations

from xml_pipeline.errors import XmlPipelineError


class ServerFailed(XmlPipelineError):
    """A server cannot do what it was asked; the words are for whoever asked.

    ``unsent`` says that it was not asked at all, so that asking again does no harm.
    """

    def __init__(self, words: str, *, unsent: bool = False) -> None:
        super().__init__(words)
        self.unsent = unsent
