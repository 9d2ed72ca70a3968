"""HTTP, server-sent events and WebSockets over a running organism."""

from __future__ import annotations

from xml_pipeline.server.app import SENDER, application
from xml_pipeline.server.bounds import Bounds
from xml_pipeline.server.running import Address, serve

__all__ = ["SENDER", "Address", "Bounds", "application", "serve"]
