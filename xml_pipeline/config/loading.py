"""An organism file, read, judged as a whole, and either usable or refused with every reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from xml_pipeline.config.checks import Finding, oddities, problems
from xml_pipeline.config.environment import read_environment
from xml_pipeline.config.organism import OrganismConfig
from xml_pipeline.config.source import Place, Source
from xml_pipeline.config.wording import reworded
from xml_pipeline.config.yaml_source import read_document
from xml_pipeline.config.yaml_values import Document
from xml_pipeline.errors import ConfigError


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


def load_config(path: str | Path) -> LoadedConfig:
    """Read an organism file; ConfigError lists everything that is wrong with it, in order.

    Nothing is imported and ``os.environ`` is not changed. Whether handlers and payload classes
    exist is for whoever imports them to say, with ``source.problem``.
    """
    file = Path(path)
    environment = read_environment(file.parent)
    document = read_document(file, environment)
    config, refusals = _validated(document)
    judged = problems(document.data, document.source)
    misfits = _placed(
        (each for each in judged if each.path not in document.refused), document.source
    )
    found = {*document.problems, *refusals, *misfits}
    if config is None or found:
        raise ConfigError(tuple(sentence for _, sentence in sorted(found)))
    odd = sorted(_placed(oddities(config), document.source))
    warnings = (*environment.warnings, *(sentence for _, sentence in odd))
    return LoadedConfig(config, document.source, environment.variables, warnings)


def _validated(document: Document) -> tuple[OrganismConfig | None, list[tuple[Place, str]]]:
    """Return the model, or what it refuses and was not refused before."""
    try:
        return OrganismConfig.model_validate(document.data), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    fresh = (each for each in details if not _is_known(each, document))
    return None, [reworded(each, document.source) for each in fresh]


def _is_known(error: ErrorDetails, document: Document) -> bool:
    """Whether this is about a value that YAML could not give, and not about its key."""
    return error["loc"] in document.refused and error["type"] != "extra_forbidden"


def _placed(findings: Iterable[Finding], source: Source) -> list[tuple[Place, str]]:
    return [
        (source.place(each.path), source.problem(*each[:2], hint=each.hint)) for each in findings
    ]
