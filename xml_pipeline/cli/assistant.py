"""The assistant that is there without an organism file: who thinks for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from xml_pipeline.cli.options import Target
from xml_pipeline.cli.state import running_organisms

FILE = Path(__file__).parent / "assistants" / "organism.yaml"
MODEL = "XML_PIPELINE_MODEL"
SCRIPT = "scripted:demo"

MODELS: Mapping[str, str] = {
    "OPENROUTER_API_KEY": "openrouter:anthropic/claude-sonnet-4.5",
    "ANTHROPIC_API_KEY": "anthropic:claude-sonnet-4-5",
    "OPENAI_API_KEY": "openai:gpt-5",
}
"""The model that thinks where there is this key, the first of them."""


def assistant_file(target: Target) -> tuple[Target, str]:
    """Return what is to be talked with, and what should be said of that.

    It is the assistant where nobody names an organism, and none runs here.
    """
    if target.url or target.file is not None or running_organisms():
        return target, ""
    found = os.environ.get(MODEL) or next(
        (model for key, model in MODELS.items() if os.environ.get(key)), ""
    )
    os.environ[MODEL] = found or SCRIPT
    if found:
        return replace(target, file=FILE), f"{found} thinks."
    words = "No key in the environment: a script answers. Set ANTHROPIC_API_KEY for a real model."
    return replace(target, file=FILE), words
