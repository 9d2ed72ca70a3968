"""An organism file to a blueprint: everything it names imported and checked, and nothing run."""

from __future__ import annotations

from xml_pipeline.blueprint.drawing import Blueprint
from xml_pipeline.blueprint.reader import Reader

__all__ = ["Blueprint", "Reader"]
