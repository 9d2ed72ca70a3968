"""``tools:xml_extract``: parts of XML by a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen, MinLen

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import ToolFailed, computing, without_settings
from xml_pipeline.tools.trees import extract, read_xml

MOST = 800_000
Xml = Annotated[str, MinLen(1), MaxLen(400_000)]
Path = Annotated[str, MinLen(1), MaxLen(500)]


@xmlify
@dataclass(frozen=True, slots=True)
class ExtractXml:
    """What a path leads to in a document: ``/a/b[2]``, ``//b``, ``*``.

    ``@name`` or ``text()`` may stand at its end.
    """

    xml: Xml
    path: Path


@xmlify
@dataclass(frozen=True, slots=True)
class XmlExtracted:
    """What was found, one a line."""

    text: Annotated[str, MaxLen(MOST)]


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)

    async def run(wanted: ExtractXml, _: HandlerMetadata) -> XmlExtracted:
        text = "\n".join(extract(read_xml(wanted.xml), wanted.path)) or "(nothing is there)"
        if len(text) > MOST:
            raise ToolFailed("what would come of it is too long")
        return XmlExtracted(text)

    return computing(plan, ExtractXml, XmlExtracted, run)
