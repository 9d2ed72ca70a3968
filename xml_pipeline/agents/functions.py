"""Peers as functions: what a model may call is whom its listener may address.

A function has the name of its listener, and of the payload too where the listener takes several;
its arguments are the payload as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from xml_pipeline.agents.payloads import Task
from xml_pipeline.listener import HandlerResponse, Listener, Peer
from xml_pipeline.llm.base import Function
from xml_pipeline.payload import Codec, codec_of
from xml_pipeline.payload.text import carried

RESPOND = "__respond__"
"""The function with which a model gives an answer that has a schema."""

_TASK_TAG = codec_of(Task).tag
_LONGEST = 64
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_-]+")
_TASK: Mapping[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string", "description": "What is to be done, in full."}},
    "required": ["text"],
    "additionalProperties": False,
}
_XML: Mapping[str, Any] = {
    "type": "object",
    "properties": {"xml": {"type": "string", "description": "One XML element."}},
    "required": ["xml"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One message that a call takes, or what is told in its place: ``content``.

    ``title`` is the heading of its answer where a call takes several; ``agents`` are those
    that work on it, several for a squad.
    """

    message: HandlerResponse | None = None
    content: str = ""
    title: str = ""
    agents: tuple[str, ...] = ()


class Target(Protocol):
    """A function, and what a call of it becomes.

    ``parts`` gives one part for each message, in order, with ``key`` or keys made from it; raises
    InvalidPayload where the arguments do not fit. ``hands_off`` says that its answer is the
    agent's own. ``tag`` is the name of the element that a model may write in its place.
    """

    @property
    def function(self) -> Function: ...
    @property
    def tag(self) -> str | None: ...
    @property
    def hands_off(self) -> bool: ...
    def parts(self, arguments: Mapping[str, Any], key: str) -> Sequence[Part]: ...
    def written(self, xml: str, key: str) -> Sequence[Part]: ...


@dataclass(frozen=True, slots=True)
class PeerFunction:
    """A listener as a function; ``codec`` is None where it takes any XML."""

    function: Function
    listener: Listener
    codec: Codec[Any] | None
    hands_off: bool = False

    @property
    def tag(self) -> str | None:
        """Return the tag of what it takes."""
        return self.codec.tag if self.codec is not None else None

    def parts(self, arguments: Mapping[str, Any], key: str) -> Sequence[Part]:
        """Return the one message of a call."""
        if self.codec is None:
            return self.written(str(arguments.get("xml", "")), key)
        return self._part(self.codec.from_json(dict(arguments)), key)

    def written(self, xml: str, key: str) -> Sequence[Part]:
        """Return the one message of what a model wrote itself: untrusted text."""
        return self._part(carried(xml).encode(), key)

    def _part(self, payload: object, key: str) -> Sequence[Part]:
        to = self.listener.name
        agents = (to,) if self.listener.agent else ()
        return (Part(HandlerResponse(payload, to=to, key=key), agents=agents),)


_NONE: Mapping[str, Target] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Functions:
    """What may be called, by the name that a model uses."""

    targets: dict[str, Target] = field(default_factory=dict)

    @property
    def offered(self) -> tuple[Function, ...]:
        """Return the functions as a model is shown them."""
        return tuple(each.function for each in self.targets.values())


def functions_of(peers: Iterable[Peer], first: Mapping[str, Target] = _NONE) -> Functions:
    """Return a function for each payload that each of these listeners can be asked with.

    They come after those that are there ``first``, and take no name from them.
    """
    targets = dict[str, Target](first)
    for peer, requests in peers:
        several = len(requests) > 1
        for codec in requests:
            name = _unused(f"{peer.name}_{codec.tag}" if several else peer.name, targets)
            function = Function(name, _description(peer, codec, several), _schema(codec))
            targets[name] = PeerFunction(function, peer, codec)
        if peer.generic and not requests:
            name = _unused(peer.name, targets)
            targets[name] = PeerFunction(Function(name, peer.description, _XML), peer, None)
    return Functions(targets)


def hand_offs(peers: Iterable[Peer], names: Iterable[str]) -> Mapping[str, Target]:
    """Return the functions that hand a conversation over to other agents."""
    wanted, found = frozenset(names), dict[str, Target]()
    for peer, _ in peers:
        codec = peer.codecs.get(_TASK_TAG)
        if peer.name in wanted and codec is not None:
            name = _unused(f"hand_off_to_{peer.name}", found)
            words = f"Hand over to {peer.name}, who answers in your place: {peer.description}"
            found[name] = PeerFunction(Function(name, words, _TASK), peer, codec, hands_off=True)
    return found


def respond_with(output: type) -> Function:
    """Return the function that gives an answer of this payload class."""
    codec: Codec[Any] = codec_of(output)
    words = "Give your final answer, and so end your work."
    return Function(RESPOND, words, _bare(codec.json_schema()))


def _schema(codec: Codec[Any]) -> Mapping[str, Any]:
    return _TASK if codec.cls is Task else _bare(codec.json_schema())


def _bare(schema: dict[str, Any]) -> Mapping[str, Any]:
    """Return a schema without what says no more than the function does."""
    return {key: value for key, value in schema.items() if key not in ("$schema", "title")}


def _description(peer: Listener, codec: Codec[Any], several: bool) -> str:
    about = (codec.cls.__doc__ or "").strip() if several else ""
    return f"{peer.description}\n\n{about}" if about else peer.description


def _unused(wanted: str, taken: Mapping[str, object]) -> str:
    """Return a name as models may use it, that no other function has."""
    name = _FORBIDDEN.sub("_", wanted)[:_LONGEST]
    number = 2
    while name in taken or name == RESPOND:
        tail = f"_{number}"
        name = _FORBIDDEN.sub("_", wanted)[: _LONGEST - len(tail)] + tail
        number += 1
    return name
