"""What a handler may note for whoever asks it."""

from __future__ import annotations

from typing import Protocol


class Noted(Protocol):
    """What a listener has noted for whoever asks it; ``registries.notes`` has it."""

    def get(self, name: str) -> str: ...
    def put(self, name: str, text: str) -> None: ...
