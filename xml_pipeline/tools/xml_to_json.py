"""``tools:xml_to_json``: XML as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen, MinLen

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import ToolFailed, computing, without_settings
from xml_pipeline.tools.trees import as_json, read_xml

MOST = 800_000
Xml = Annotated[str, MinLen(1), MaxLen(400_000)]


@xmlify
@dataclass(frozen=True, slots=True)
class XmlToJson:
    """XML to be read as JSON: attributes are ``@name``, tags that are repeated are lists."""

    xml: Xml


@xmlify
@dataclass(frozen=True, slots=True)
class JsonMade:
    """The JSON."""

    text: Annotated[str, MaxLen(MOST)]


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)

    async def run(wanted: XmlToJson, _: HandlerMetadata) -> JsonMade:
        text = json.dumps(as_json(read_xml(wanted.xml)), ensure_ascii=False)
        if len(text) > MOST:
            raise ToolFailed("what would come of it is too long")
        return JsonMade(text)

    return computing(plan, XmlToJson, JsonMade, run)
