"""xml-pipeline: an agent runtime on a message pump."""

from __future__ import annotations

from xml_pipeline.config import OrganismConfig
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.payload import xmlify
from xml_pipeline.system import SystemError, ThreadEnded  # noqa: A004
