"""An organism file, read, judged as a whole, and either usable or refused with every reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from xml_pipeline.config.checks import allowed_packages, named_imports, oddities, problems
from xml_pipeline.config.document import Document, Finding
from xml_pipeline.config.environment import read_environment
from xml_pipeline.config.listener import ListenerConfig
from xml_pipeline.config.organism import OrganismConfig
from xml_pipeline.config.secrets import redaction_of
from xml_pipeline.config.source import KeyPath, Source
from xml_pipeline.config.wording import meant, reworded
from xml_pipeline.config.yaml_source import read_document
from xml_pipeline.errors import ConfigError
from xml_pipeline.names import ImportPath

UNWRITTEN = ("missing", "value_error")
"""What may be wrong with a key that is not written, by the type of pydantic's error."""

STAND_IN = {"name": "nameless", "description": "not said", "handler": "tools:none"}
"""What a listener has to say, for one that does not say it."""


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A usable organism file.

    ``environment`` is what ``${NAME}`` was looked up in: the ``.env`` files below what is
    exported. ``warnings`` are sentences that begin with a place, like problems.
    """

    config: OrganismConfig
    source: Source
    environment: Mapping[str, str] = field(repr=False)  # may hold secrets
    warnings: tuple[str, ...] = ()

    @property
    def secrets(self) -> frozenset[str]:
        """Return what must not be let out."""
        return redaction_of(self.config, self.environment).known


@dataclass(frozen=True, slots=True)
class Draft:
    """An organism file as far as it can be read, and whatever is wrong with it so far.

    Whether handlers, payload classes and steps exist is for whoever imports them to say, and
    they are asked of a file with mistakes too.
    """

    document: Document
    environment: Mapping[str, str] = field(repr=False)
    warnings: tuple[str, ...]

    @property
    def allow_imports(self) -> tuple[str, ...]:
        """Return the packages below which imports may lie."""
        return allowed_packages(self.document)

    def imports(self) -> dict[KeyPath, ImportPath]:
        """Return what is to be imported, by where the file names it."""
        allowed, named = self.allow_imports, named_imports(self.document)
        return {path: each for path, each in named if each.prefix(allowed)}

    @property
    def config(self) -> OrganismConfig:
        """Return what the file says; what is refused of it has its default."""
        document = self.document
        if not document.refused:
            return OrganismConfig.model_validate(document.data)
        listeners = [each for _, each in self.listeners()]
        sections = _without_refused(document, document.data, ())
        return _as_far_as_accepted({**sections, "listeners": listeners})

    def listeners(self) -> Iterator[tuple[KeyPath, ListenerConfig]]:
        """Yield each listener with its way; what is refused of it has its default."""
        for at, said in self.document.listeners():
            is_whole = not self.document.doubts(*at)
            read = {key: value for key, value in said.items() if not self.document.doubts(*at, key)}
            yield at, ListenerConfig.model_validate(read if is_whole else _whole(read))

    def usable(self, findings: Iterable[Finding] = ()) -> LoadedConfig:
        """Return what can be used; ConfigError with all that was found, in the file's order."""
        document = self.document.telling(findings)
        if document.problems:
            found = sorted(document.problems)
            raise ConfigError(tuple(sentence for _, sentence in found), self.warnings)
        return LoadedConfig(self.config, document.source, self.environment, self.warnings)


def load_config(path: str | Path) -> LoadedConfig:
    """Read an organism file; ConfigError lists everything that is wrong with it, in order.

    Nothing is imported and ``os.environ`` is not changed.
    """
    return draft_config(path).usable()


def draft_config(path: str | Path) -> Draft:
    """Read an organism file as far as it goes; ConfigError if there is no data in it."""
    file = Path(path)
    environment = read_environment(file.parent)
    document = _judged(read_document(file, environment))
    document = document.refusing(problems(document))
    odd = sorted(map(document.placed, oddities(document)))
    warnings = (*environment.warnings, *(sentence for _, sentence in odd))
    return Draft(document, environment.variables, warnings)


def _whole(read: Mapping[str, Any]) -> dict[str, Any]:
    """Return a listener with what it does not say; where a model handles it, that is no handler."""
    missing = dict(STAND_IN)
    if read.get("agent") is True:
        del missing["handler"]
    return {**missing, **read}


def _without_refused(document: Document, section: object, at: KeyPath) -> dict[str, Any]:
    """Return what is written in a section and its subsections, and not refused."""
    read = {}
    for key, value in section.items() if isinstance(section, dict) else ():
        path = (*at, key)
        if not document.doubts(*path):
            read[key] = value
        elif isinstance(value, dict) and path not in document.refused:
            read[key] = _without_refused(document, value, path)
    return read


def _as_far_as_accepted(sections: Mapping[str, Any]) -> OrganismConfig:
    """Return what sections say; those that do not fit with the defaults in them say nothing."""
    try:
        return OrganismConfig.model_validate(sections)
    except ValidationError as error:
        misfits = {each["loc"][:1] for each in error.errors()}
        fitting = {key: each for key, each in sections.items() if (key,) not in misfits}
        return OrganismConfig.model_validate(fitting)


def _judged(document: Document) -> Document:
    """Return the document with what the models refuse of it.

    A misspelt key is told of and read as the key that it was meant to be: so that one is not
    missing, and what stands behind it is judged too.
    """
    errors = _errors(document)
    while slips := _slips(errors, document.source):
        told = (reworded(each, document.source) for each in errors if each["loc"] in slips)
        document = document.telling(told).renaming(slips)
        errors = _errors(document)
    return document.refusing(reworded(each, document.source) for each in errors)


def _errors(document: Document) -> list[ErrorDetails]:
    """Return what the models refuse, but for copies: their originals are refused as well."""
    try:
        OrganismConfig.model_validate(document.data)
    except ValidationError as error:
        errors, written = error.errors(include_url=False), document.source.values
        return [each for each in errors if each["type"] in UNWRITTEN or each["loc"] in written]
    return []


def _slips(errors: Iterable[ErrorDetails], source: Source) -> dict[KeyPath, str]:
    """Return the unknown keys that were meant to be others, which are not written as well."""
    unknown = (each["loc"] for each in errors if each["type"] == "extra_forbidden")
    slips: dict[KeyPath, KeyPath] = {}
    for path in unknown:
        key = meant(path)
        if key and (*path[:-1], key) not in source.keys:
            slips.setdefault((*path[:-1], key), path)
    return {path: str(key[-1]) for key, path in slips.items()}
