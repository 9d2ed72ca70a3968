"""What a model thought, which some of those who speak like OpenAI want back as it came.

OpenRouter gives it as `reasoning_details`, and wants the same list back:
https://openrouter.ai/docs/guides/best-practices/reasoning-tokens. Each of them is kept whole, as
the signature of a ``Thinking``. Others give its text only, as `reasoning_content` or `reasoning`,
and want nothing back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from xml_pipeline.llm.base import Thinking
from xml_pipeline.llm.wire.reading import Json, branches, document, words

NAMES = ("reasoning", "reasoning_content")
"""What the text is called, here or there."""
TEXTS = ("text", "summary")
"""What the text of a detail is called, by its sort."""
PIECES = (*TEXTS, "data", "signature")
"""Parts of a detail that come in pieces."""


def thoughts_in(message: Json) -> list[Thinking]:
    """Return what was thought, by a message or a piece of one."""
    if details := branches(message, "reasoning_details"):
        return [_kept(each) for each in details]
    text = spoken(message)
    return [Thinking(text)] if text else []


def spoken(message: Json) -> str:
    """Return the text of what was thought, by a message or a piece of one."""
    told = next(filter(None, (words(message, name) for name in NAMES)), "")
    return told or "".join(map(_text, branches(message, "reasoning_details")))


def sealed(thoughts: Iterable[Thinking]) -> list[Json]:
    """Return those that were kept whole, as they came."""
    return [document(each.signature) for each in thoughts if each.signature.startswith("{")]


def joined(pieces: Iterable[Json]) -> list[Json]:
    """Return whole details of those that came in pieces: neighbours of one sort and index."""
    whole: list[dict[str, Any]] = []
    for piece in pieces:
        if whole and _place(whole[-1]) == _place(piece):
            whole[-1] = _grown(whole[-1], piece)
        else:
            whole.append(dict(piece))
    return list(whole)


def _place(detail: Json) -> tuple[Any, Any]:
    return detail.get("type"), detail.get("index")


def _grown(detail: Json, piece: Json) -> dict[str, Any]:
    news = {name: value for name, value in piece.items() if value is not None}
    joined = {name: words(detail, name) + words(news, name) for name in PIECES if name in news}
    return {**detail, **news, **joined}


def _kept(detail: Json) -> Thinking:
    text = _text(detail)
    return Thinking(text, json.dumps(detail, ensure_ascii=False), redacted=not text)


def _text(detail: Json) -> str:
    return next(filter(None, (words(detail, name) for name in TEXTS)), "")
