"""The refusal of a request that is not what a request should be."""

from __future__ import annotations

from xml_pipeline.errors import Rejected


class Unreadable(Rejected):
    """A request is malformed; ``words`` may be told to whoever sent it, ``detail`` may not."""

    def __init__(self, words: str, detail: str = "") -> None:
        super().__init__("validation", detail or words)
        self.words = words
