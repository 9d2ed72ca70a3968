"""Listeners that a plug-in handles: which one, and what it makes of them."""

from __future__ import annotations

from typing import Any

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.catalogue import find
from xml_pipeline.config import ListenerConfig
from xml_pipeline.errors import ConfigError
from xml_pipeline.names import plugin_handler


def plugin_of(config: ListenerConfig) -> tuple[str, str] | None:
    """Return the room and name of the plug-in that handles a listener, None where code does."""
    if config.handler is not None:
        return plugin_handler(config.handler)
    return ("agents", "agent") if config.model is not None else None


def built(plugin: tuple[str, str], plan: Plan) -> Built:
    """Have a plug-in build what handles a listener.

    Raises PluginNotFound where there is none, ConfigError where it cannot.
    """
    module: Any = find(*plugin)
    if not hasattr(module, "configured"):
        raise ConfigError((f"{':'.join(plugin)} handles nothing",))
    made: Built = module.configured(plan)
    return made
