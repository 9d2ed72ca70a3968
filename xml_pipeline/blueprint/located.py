"""Files that an organism file names lie beside it."""

from __future__ import annotations

from pathlib import Path

from xml_pipeline.config import OrganismConfig


def located(config: OrganismConfig, folder: Path) -> OrganismConfig:
    """Return the configuration with its keys and its audit log as seen from this folder."""

    def at(file: str | None) -> str | None:
        return str(folder / Path(file).expanduser()) if file else file

    organism, audit = config.organism, config.audit
    if not (organism.identity or config.trusted_keys or audit.path):
        return config
    return config.model_copy(
        update={
            "organism": organism.model_copy(update={"identity": at(organism.identity)}),
            "audit": audit.model_copy(update={"path": at(audit.path)}),
            "trusted_keys": {name: at(file) for name, file in config.trusted_keys.items()},
        }
    )
