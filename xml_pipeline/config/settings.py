"""Settings that a plug-in judges by itself, as a model of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from xml_pipeline.config.values import Section
from xml_pipeline.errors import ConfigError

Settings = TypeVar("Settings", bound=Section)


def settings_of(model: type[Settings], given: Mapping[str, Any]) -> Settings:
    """Return the settings of a plug-in as its model; ConfigError says what is wrong in them."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems = (_problem(each["loc"], each["msg"]) for each in error.errors())
        raise ConfigError(tuple(problems)) from None


def _problem(place: tuple[int | str, ...], words: str) -> str:
    return f"`{'.'.join(map(str, place))}`: {words}"
