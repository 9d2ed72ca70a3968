"""organism.yaml: what it may say, and how it is read."""

from __future__ import annotations

from xml_pipeline.config.listener import ListenerConfig
from xml_pipeline.config.organism import OrganismConfig

__all__ = ["ListenerConfig", "OrganismConfig"]
