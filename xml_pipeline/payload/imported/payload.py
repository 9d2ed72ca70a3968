"""Makes a payload class from a JSON Schema.

The schema decides: every value is held against all of it, with jsonschema, whether it comes as
JSON or as XML. The class and its XSD say as much of it as they can, and never refuse what the
schema accepts; what XSD has no word for is a field of JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload.decorate import xmlify
from xml_pipeline.payload.imported.safety import SafeSchema
from xml_pipeline.payload.imported.shapes import Shapes
from xml_pipeline.payload.model.finite import check_finite
from xml_pipeline.payload.model.kinds import MODEL


def payload_from_json_schema(name: str, schema: Mapping[str, Any]) -> type[Any]:
    """Return a payload class for the objects that a JSON Schema describes.

    ``name`` is the class's and the element's. The class is frozen; its constructor takes fields
    by name, and a property that may be left out is then ABSENT. Additional properties, where the
    schema allows them, are a dictionary in a field of their own, ``additional_properties``.
    ``json_schema()`` returns the schema.

    Raises:
        PayloadDefinitionError: the schema is not of type object, is no JSON Schema, refers to
            another document, or has a pattern that cannot be matched in linear time.
    """
    if not name.isidentifier():
        raise PayloadDefinitionError(f"{name!r} cannot be the name of a class")
    if schema.get("type") != "object":
        raise PayloadDefinitionError(f"{name}: the schema must be of type object")
    try:
        model = Shapes(name, SafeSchema(deepcopy(dict(schema)))).model()
    except RecursionError as error:
        raise PayloadDefinitionError(f"{name}: the schema is nested too deeply") from error
    except PayloadDefinitionError as error:
        raise PayloadDefinitionError(f"{name}: {error}") from error
    check_finite(model)
    root = model.records[model.root]
    root.cls.__module__ = __name__
    root.cls.__doc__ = root.doc or f"{name}, made from a JSON Schema."
    setattr(root.cls, MODEL, model)
    return xmlify(root.cls)
