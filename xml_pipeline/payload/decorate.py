"""``@xmlify``, and the way from a class to its codec.

The decorator resolves the fields at once, so that a type that cannot be bound is refused where
the class stands; only what names a class that does not exist yet waits for the first use. Code
is generated at the first use.
"""

from __future__ import annotations

import dataclasses
import sys
from contextlib import suppress
from types import FrameType
from typing import Any, TypeVar, get_origin

from lxml import etree

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload.codec import Codec
from xml_pipeline.payload.model.annotations import class_of, name_of, parameters_of
from xml_pipeline.payload.model.kinds import MODEL, Model
from xml_pipeline.payload.model.resolve import resolve

P = TypeVar("P")
_BINDING = "__payload_binding__"
_CODEC = "__payload_codec__"


class Binding:
    """The codecs of one class: its own, or one for each choice of its type variables."""

    __slots__ = ("_codecs", "_scope")

    def __init__(self, scope: FrameType | None) -> None:
        self._scope = scope
        self._codecs: dict[object, Codec[Any]] = {}

    def resolve(self, key: object) -> Model:
        """Resolve the fields; NameError while an annotation names what is not there yet."""
        model = resolve(key, self._scope.f_locals if self._scope else {})
        if not parameters_of(class_of(key)):
            setattr(key, MODEL, model)
            self._scope = None  # a frame keeps everything in it alive
        return model

    def codec(self, key: object) -> Codec[Any]:
        """Return the codec, generated when it is first asked for."""
        if key not in self._codecs:
            try:
                self._codecs[key] = Codec(self.resolve(key))
            except NameError as error:
                raise PayloadDefinitionError(str(error)) from error
        return self._codecs[key]


def xmlify(cls: type[P]) -> type[P]:
    """Make a dataclass a payload.

    Adds ``to_xml() -> bytes``, and on the class ``from_xml(bytes or element)``, ``xsd() ->
    bytes``, ``json_schema() -> dict`` and ``example() -> bytes``; a field of such a name keeps
    it. A type checker cannot see what a decorator adds: `codec_of` has the same, typed.

    Raises:
        PayloadDefinitionError: a field's type cannot be bound; the message names the field.
    """
    if not dataclasses.is_dataclass(cls):
        raise PayloadDefinitionError(f"{cls.__qualname__}: @xmlify stands above @dataclass")
    binding = Binding(sys._getframe(1))
    setattr(cls, _BINDING, binding)
    if not parameters_of(cls):
        with suppress(NameError):  # a class that stands further down
            binding.resolve(cls)
    fields = {field.name for field in dataclasses.fields(cls)}
    for method in (to_xml, from_xml, xsd, json_schema, example):
        name = method.__name__
        if name not in fields:
            setattr(cls, name, method if method is to_xml else classmethod(method))
    return cls


def codec_of(cls: type[P]) -> Codec[P]:
    """Return the codec of a payload class, or of ``Box[int]`` for a generic one.

    Raises:
        PayloadDefinitionError: the class itself is not decorated, or leaves a type open.
    """
    if (known := cls.__dict__.get(_CODEC)) is not None:
        return known  # type: ignore[no-any-return]  # put there below, for this very class
    origin = class_of(cls)
    binding = origin.__dict__.get(_BINDING)
    if not isinstance(binding, Binding):
        raise PayloadDefinitionError(f"{name_of(cls)} is not decorated with @xmlify")
    if parameters_of(origin) and get_origin(cls) is None:
        raise PayloadDefinitionError(f"{name_of(cls)} leaves a type open: codec_of(Box[int])")
    codec: Codec[P] = binding.codec(cls)
    if origin is cls:  # `Box[int]` shares its attributes with `Box`.
        setattr(cls, _CODEC, codec)
    return codec


def to_xml(self: Any) -> bytes:
    """Return the payload as a document, in exclusive canonical form and UTF-8."""
    return codec_of(type(self)).to_xml(self)


def from_xml(cls: type[P], source: bytes | etree._Element) -> P:
    """Read a payload from a document or an element, which the XSD must accept."""
    return codec_of(cls).from_xml(source)


def xsd(cls: type[P]) -> bytes:
    """Return the XSD."""
    return codec_of(cls).xsd


def json_schema(cls: type[P]) -> dict[str, Any]:
    """Return the JSON Schema."""
    return codec_of(cls).json_schema()


def example(cls: type[P]) -> bytes:
    """Return a document that the XSD accepts."""
    return codec_of(cls).example_xml()
