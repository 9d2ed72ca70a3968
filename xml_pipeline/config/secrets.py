"""Which values an organism must not let out: what its file and its environment say is secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, SecretStr

from xml_pipeline.config.organism import OrganismConfig
from xml_pipeline.redaction import Redaction, is_secret, secrets_in


def redaction_of(config: OrganismConfig, environment: Mapping[str, str]) -> Redaction:
    """Return what knows the secrets of an organism.

    Those are the variables whose names say so, the variables that the file names as keys
    (``api_key_env``), and the secrets that the file has itself.
    """
    return Redaction(secrets_in(environment) | frozenset(_secrets(config, environment)))


def _secrets(section: object, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets of a section and of what is in it."""
    if isinstance(section, SecretStr):
        yield section.get_secret_value()
    elif isinstance(section, BaseModel):
        for name, value in section:
            if name.endswith("_env") and isinstance(value, str):
                yield environment.get(value, "").strip()
            yield from _secrets(value, environment)
    elif isinstance(section, Mapping):
        yield from _secrets_by_name(section, environment)
    elif isinstance(section, list | tuple):
        for each in section:
            yield from _secrets(each, environment)


def _secrets_by_name(
    section: Mapping[str, object], environment: Mapping[str, str]
) -> Iterator[str]:
    """Yield the secrets of a mapping: of headers and variables, of those that are secret by name.

    ``Accept: application/json`` is none, and what stands behind ``Bearer`` is one by itself.
    """
    for name, value in section.items():
        if not isinstance(value, SecretStr):
            yield from _secrets(value, environment)
        elif is_secret(name):
            yield from (value.get_secret_value(), value.get_secret_value().rpartition(" ")[2])
