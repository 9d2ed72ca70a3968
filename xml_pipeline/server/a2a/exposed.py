"""Which listeners A2A clients see, and how each can be asked.

The rule this file guards: what is not exposed is not there, neither to be shown nor to be asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from xml_pipeline.a2a.speech import ClientMessage
from xml_pipeline.agents.payloads import Task
from xml_pipeline.listener import Listener
from xml_pipeline.payload import Codec
from xml_pipeline.registries.listeners import Listeners

FACE = "a2a"
TEXT, DATA = "text/plain", "application/json"


@dataclass(frozen=True, slots=True)
class Exposed:
    """A listener as an agent.

    ``requests`` are the payloads that it can be asked with, by their tags. ``in_words`` is the one
    among them that words alone make up, and ``field`` where the words go; None where it takes data
    only.
    """

    listener: Listener
    requests: Mapping[str, Codec[Any]]
    in_words: Codec[Any] | None
    field: str

    @property
    def name(self) -> str:
        """Return its name."""
        return self.listener.name

    @property
    def takes_all(self) -> bool:
        """Tell whether it is given messages as they come."""
        return any(each.cls is ClientMessage for each in self.requests.values())

    @property
    def modes(self) -> tuple[str, ...]:
        """Return the media types that it can be asked in; a kind and ``*`` are all of that kind."""
        if self.takes_attachments:
            return (TEXT, DATA, "text/*", "image/*", "audio/*")
        return (TEXT, DATA) if self.takes_all or self.in_words is not None else (DATA,)

    @property
    def takes_attachments(self) -> bool:
        """Tell whether it can be given files along with words."""
        return self.in_words is not None and self.in_words.cls is Task


def is_exposed(listener: Listener) -> bool:
    """Tell whether A2A clients see a listener."""
    return FACE in listener.expose


def exposed(listeners: Listeners) -> Mapping[str, Exposed]:
    """Return all agents, by name."""
    shown = filter(is_exposed, listeners)
    return {each.name: _exposed(each, listeners.requests(each)) for each in shown}


def _exposed(listener: Listener, codecs: Iterable[Codec[Any]]) -> Exposed:
    requests = {each.tag: each for each in codecs}
    in_words = {tag: field for tag, each in requests.items() if (field := _field_of_words(each))}
    task = next((tag for tag in in_words if requests[tag].cls is Task), None)
    tag = task if task is not None or len(in_words) != 1 else next(iter(in_words))
    if tag is None:
        return Exposed(listener, requests, None, "")
    return Exposed(listener, requests, requests[tag], in_words[tag])


def _field_of_words(codec: Codec[Any]) -> str:
    """Return the field that is all that a payload needs, if it is a text; else nothing."""
    schema = codec.json_schema()
    needed = schema.get("required", ())
    if len(needed) != 1:
        return ""
    (name,) = needed
    about = schema["properties"][name]
    is_free = about.get("type") == "string" and not {"enum", "pattern", "format"} & about.keys()
    return str(name) if is_free else ""
