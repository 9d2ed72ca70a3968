"""The keys that a configuration names, read from their files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from xml_pipeline.config import KeyPath, OrganismConfig
from xml_pipeline.errors import ConfigError
from xml_pipeline.identity.signing import Signer
from xml_pipeline.identity.verifying import Key
from xml_pipeline.names import PRINCIPAL, RESERVED_NAMES
from xml_pipeline.steps.limits import XmlLimits

Problem = tuple[KeyPath, str]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an organism signs with, and whose signatures it believes."""

    sign: Callable[[bytes], bytes] | None = None
    keys: Mapping[str, Key] = field(default_factory=dict)
    required: bool = False


def credentials_of(config: OrganismConfig) -> Credentials:
    """Read every key; ConfigError lists what is wrong with them."""
    credentials, problems = examine(config)
    if problems:
        raise ConfigError(tuple(f"{'.'.join(map(str, at))}: {text}" for at, text in problems))
    return credentials


def examine(config: OrganismConfig) -> tuple[Credentials, list[Problem]]:
    """Read every key, and return all that is wrong, each with its place in the configuration."""
    problems: list[Problem] = []
    sign = None
    if config.organism.identity:
        sign = _attempt(("organism", "identity"), partial(_signer, config), problems)
    if config.require_signature and not config.trusted_keys:
        text = "nobody outside could be heard: `trusted_keys` names no sender"
        problems.append((("require_signature",), text))
    keys = dict(_trusted(config, problems))
    return Credentials(sign, keys, config.require_signature), problems


def _trusted(config: OrganismConfig, problems: list[Problem]) -> Iterator[tuple[str, Key]]:
    inside = {each.name for each in config.listeners}
    for name, file in config.trusted_keys.items():
        at = ("trusted_keys", name)
        if not PRINCIPAL.fullmatch(name):
            problems.append((at, f"is no sender's name: {PRINCIPAL.pattern}"))
        elif name in inside or name.partition(".")[0] in RESERVED_NAMES:
            problems.append((at, "nobody outside may have the name of somebody inside"))
        key = _attempt(at, partial(_public_key, file), problems)
        if key is not None:
            yield name, key


def _attempt(at: KeyPath, read: Callable[[], Any], problems: list[Problem]) -> Any:
    try:
        return read()
    except ConfigError as error:
        problems.extend((at, each) for each in error.problems)
        return None


def _signer(config: OrganismConfig) -> Signer:
    """Return what signs; a key that cannot is found out now, and not by the first answer."""
    key = _keys().private_key(Path(config.organism.identity))
    words = b"xml-pipeline"
    if not key.public.verifies(key.sign(words), words):
        raise ConfigError((f'the key "{config.organism.identity}" makes no valid signature',))
    return Signer(key, limits=XmlLimits(bytes=2 * config.limits.message_bytes))


def _public_key(file: str) -> Key:
    key: Key = _keys().public_key(Path(file))
    return key


def _keys() -> Any:
    """Return the module that needs the cryptography: who names no key does without."""
    return import_module("xml_pipeline.identity.keys")
