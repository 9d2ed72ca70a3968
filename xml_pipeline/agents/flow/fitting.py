"""What one step answers, as what the next one takes.

What a payload says in words is its field ``text``; words are handed on to whoever takes words,
so that an ``Answer`` becomes the next one's ``Task``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import lru_cache
from typing import Any, get_type_hints

from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.listener import Listener
from xml_pipeline.payload import Codec, RawPayload, codec_of

KNOWN: tuple[type, ...] = (Task, Answer)
"""Payloads that are understood from whomever they come."""


def words_of(payload: object) -> str | None:
    """Return what a payload says in words, None where it has none."""
    cls: type = type(payload)
    text: str | None = getattr(payload, "text", None)
    return text if has_words(cls) else None


@lru_cache(maxsize=1_024)
def has_words(cls: type) -> bool:
    """Tell whether a payload says something in words."""
    if cls is RawPayload:
        return False
    try:
        types = get_type_hints(cls)
    except NameError:  # It is of a class inside a function.
        types = {each.name: each.type for each in fields(cls)}
    return types.get("text") in (str, "str")


def is_made_of_words(cls: type) -> bool:
    """Tell whether words alone make a payload."""
    return has_words(cls) and all(
        each.name == "text" or each.default is not MISSING or each.default_factory is not MISSING
        for each in fields(cls)
    )


def form(cls: type, accepted: Sequence[type]) -> type | None:
    """Return as which of the accepted classes a payload is handed on, None where it does not fit.

    ``RawPayload`` stands for any that nobody has declared, on both sides: what is not known
    before it comes is judged then.
    """
    if cls is Answer and Task in accepted:
        return Task
    if cls is RawPayload or _tag(cls) in map(_tag, accepted):
        return cls
    if has_words(cls) and (wordy := takes_words(accepted)):
        return wordy
    return RawPayload if RawPayload in accepted else None


def takes_words(accepted: Sequence[type]) -> type | None:
    """Return the class in which words are handed on, None where there is no such."""
    wordy = [each for each in accepted if is_made_of_words(each)]
    return next((each for each in KNOWN if each in wordy), wordy[0] if wordy else None)


def handed_on(payload: Any, accepted: Sequence[type]) -> object:
    """Return a payload as one of those accepts it; ValueError where none does."""
    if isinstance(payload, RawPayload):
        if RawPayload in accepted or payload.tag in map(_tag, accepted):
            return payload
        raise ValueError(f"<{payload.tag}> is not accepted, or its `output_class` is not declared")
    cls = form(type(payload), accepted)
    if cls is None:
        raise ValueError(f"<{type(payload).__name__}> is not accepted")
    if cls in (type(payload), RawPayload) or _tag(cls) == _tag(type(payload)):
        return payload
    return cls(text=payload.text)


def accepted_by(listener: Listener) -> tuple[type, ...]:
    """Return the payload classes that a listener accepts."""
    return tuple(listener.accepts) if isinstance(listener.accepts, Sequence) else ()


def reader(listener: Listener | None, others: Iterable[type]) -> Mapping[str, Codec[Any]]:
    """Return what reads the answers of a listener, by their tags."""
    known: dict[str, Codec[Any]] = {_tag(each): codec_of(each) for each in (*KNOWN, *others)}
    return {**known, **(listener.answers if listener is not None else {})}


def merged(said: Mapping[str, str]) -> str:
    """Return the words of several steps as one text, a section for each, sorted by their names."""
    return "\n\n".join(f"## {name}\n\n{text}" for name, text in sorted(said.items()))


def _tag(cls: type) -> str:
    return "" if cls is RawPayload else str(codec_of(cls).tag)
