"""A payload class bound to XML, XSD, JSON and JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from lxml import etree

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload.as_json.form import JsonForm
from xml_pipeline.payload.as_json.schema import write_json_schema
from xml_pipeline.payload.code.reader import add_readers
from xml_pipeline.payload.code.source import Source
from xml_pipeline.payload.code.writer import add_writers
from xml_pipeline.payload.example import make_example
from xml_pipeline.payload.model.kinds import Model
from xml_pipeline.payload.raw import parse_xml
from xml_pipeline.payload.xsd import compile_schema, write_xsd

P = TypeVar("P")


class Codec(Generic[P]):
    """Everything that turns one payload class into something else and back.

    ``write`` returns the exclusive canonical form without a namespace declaration;
    ``write_embedded`` the same with ``xmlns=""`` on the root, for a place below a default
    namespace. ``read`` takes an element that has passed ``schema`` and has no comments in it.
    Both raise `InvalidPayload`. ``encloses`` is for what puts payloads into something larger:
    it validates the whole at once.
    """

    __slots__ = (
        "_model",
        "_schema",
        "cls",
        "encloses",
        "read",
        "tag",
        "write",
        "write_embedded",
        "xsd",
    )

    cls: type[P]
    tag: str
    write: Callable[[P], str]
    write_embedded: Callable[[P], str]
    read: Callable[[etree._Element], P]
    xsd: bytes
    encloses: Callable[[etree._Element], bool] | None
    _model: Model
    _schema: etree.XMLSchema | None

    def __init__(self, model: Model) -> None:
        root = model.records[model.root]
        source = Source(model)
        add_writers(source)
        add_readers(source)
        content = f"write_{source.label(model.root)}(value)"
        for name, namespace in (("write", ""), ("embed", ' xmlns=\\"\\"')):
            text = f"<{root.tag}{namespace}>{{{content}}}</{root.tag}>"
            source.function(f"{name}(value)", [f'return f"{text}"'])
        function = source.compile(f"<payload {root.cls.__module__}.{root.cls.__qualname__}>")
        for name, value in {
            "cls": root.cls,
            "tag": root.tag,
            "write": function("write"),
            "write_embedded": function("embed"),
            "read": function(f"read_{source.label(model.root)}"),
            "xsd": write_xsd(model),
            "_model": model,
            "_schema": None,
            "encloses": None,
        }.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a codec is immutable: {name}")

    def __repr__(self) -> str:
        return f"<Codec {self.tag}>"

    @property
    def schema(self) -> etree.XMLSchema:
        """The compiled XSD, compiled when it is first asked for."""
        schema = self._schema
        if schema is None:
            schema = compile_schema(self.xsd)
            object.__setattr__(self, "_schema", schema)
        return schema

    def enclose(self, outer: bytes) -> Callable[[etree._Element], bool]:
        """Compile an XSD that imports this one as ``payload``; return what validates by it."""
        validate = compile_schema(outer, {"payload": self.xsd}).validate
        object.__setattr__(self, "encloses", validate)
        return validate

    def to_xml(self, payload: P) -> bytes:
        """Return the payload as a document, in exclusive canonical form and UTF-8."""
        return self.write(payload).encode()

    def from_xml(self, source: bytes | etree._Element) -> P:
        """Read a payload from a document or an element, which the XSD must accept.

        Raises:
            InvalidPayload: it is no strict XML, or not this payload.
        """
        element = parse_xml(source) if isinstance(source, bytes) else _bare(source)
        schema = self.schema
        try:
            accepted = schema.validate(element)
        except etree.XMLSchemaValidateError as error:
            raise InvalidPayload(str(error)) from error
        if not accepted:
            raise _refusal(schema)
        return self.read(element)

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema, draft 2020-12."""
        return write_json_schema(self._model)

    def from_json(self, value: object) -> P:
        """Read a payload from a JSON value, strictly.

        Raises:
            InvalidPayload: it does not fit; ``field`` is the path, as in ``crew[2].name``.
        """
        payload: P = JsonForm(self._model).load(value)
        return payload

    def to_json(self, payload: P) -> dict[str, Any]:
        """Return the payload as a JSON object. Raises InvalidPayload for what JSON has not."""
        return JsonForm(self._model).dump(payload)

    def example(self) -> P:
        """Return a payload with every field filled, within its constraints."""
        payload: P = make_example(self._model)
        return payload

    def example_xml(self) -> bytes:
        """Return the example as a document."""
        return self.to_xml(self.example())


def _bare(element: etree._Element) -> etree._Element:
    """Return the element, or a copy if it holds comments, which would split a text."""
    if next(element.iter(etree.Comment, etree.PI, etree.Entity), None) is None:
        return element
    try:
        return parse_xml(etree.tostring(element, with_tail=False))
    except etree.LxmlError as error:
        raise InvalidPayload(str(error)) from error


def _refusal(schema: etree.XMLSchema) -> InvalidPayload:
    """Return what the schema found first, at the field that its path ``/Tag/field/…`` leads to."""
    log: Any = schema.error_log
    entries = list(log)
    if not entries:
        return InvalidPayload("refused by the XSD")
    path = str(getattr(entries[0], "path", None) or "")
    return InvalidPayload(str(entries[0].message), ".".join(path.split("/")[2:]))
