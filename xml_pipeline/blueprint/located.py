"""Files that an organism file names lie beside it."""

from __future__ import annotations

from pathlib import Path

from xml_pipeline.config import OrganismConfig


def located(config: OrganismConfig, folder: Path) -> OrganismConfig:
    """Return the configuration with its keys, audit log and workspaces as seen from here."""

    def at(file: str | None) -> str | None:
        return str(folder / Path(file).expanduser()) if file else file

    organism, audit, workspace = config.organism, config.audit, config.workspace
    named = (organism.identity, config.trusted_keys, audit.path, workspace.root, workspace.template)
    if not any(named):
        return config
    below = {"root": at(workspace.root), "template": at(workspace.template)}
    return config.model_copy(
        update={
            "organism": organism.model_copy(update={"identity": at(organism.identity)}),
            "audit": audit.model_copy(update={"path": at(audit.path)}),
            "workspace": workspace.model_copy(update=below),
            "trusted_keys": {name: at(file) for name, file in config.trusted_keys.items()},
        }
    )
