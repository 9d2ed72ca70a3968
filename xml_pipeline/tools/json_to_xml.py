"""``tools:json_to_xml``: JSON as XML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen, MinLen
from lxml import etree

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import ToolFailed, computing, without_settings
from xml_pipeline.tools.trees import from_json

MOST = 800_000
Json = Annotated[str, MinLen(1), MaxLen(400_000)]
Name = Annotated[str, MinLen(1), MaxLen(100)]


@xmlify
@dataclass(frozen=True, slots=True)
class JsonToXml:
    """JSON to be written as XML, below an element named ``root``."""

    json: Json
    root: Name = "root"


@xmlify
@dataclass(frozen=True, slots=True)
class XmlMade:
    """The XML."""

    text: Annotated[str, MaxLen(MOST)]


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)

    async def run(wanted: JsonToXml, _: HandlerMetadata) -> XmlMade:
        text = etree.tostring(from_json(wanted.json, wanted.root), encoding="unicode")
        if len(text) > MOST:
            raise ToolFailed("what would come of it is too long")
        return XmlMade(text)

    return computing(plan, JsonToXml, XmlMade, run)
