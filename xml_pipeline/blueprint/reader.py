"""Reads organism files, and imports what they name from where their project lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xml_pipeline.blueprint.drawing import Blueprint, Drawing
from xml_pipeline.blueprint.renewal import Renewal
from xml_pipeline.commons import Commons
from xml_pipeline.config import draft_config
from xml_pipeline.imports import OURS
from xml_pipeline.sources import OwnPackages


class Reader:
    """Reads the organism files of one organism, one after another.

    ``commons`` is what its built-in listeners share, whichever file they come from.
    """

    def __init__(self) -> None:
        self.commons = Commons()
        self._renewal = Renewal()

    @property
    def folders(self) -> frozenset[Path]:
        """Return the folders that the modules of the organism lie in."""
        return self._renewal.folders

    @contextmanager
    def read(self, file: Path) -> Iterator[Blueprint]:
        """Give the blueprint of a file; modules whose source has changed are imported anew.

        What raises inside leaves every module as it was. Raises ConfigError with everything
        that is wrong with the file and with what it names.
        """
        draft = draft_config(file)
        allowed = draft.allow_imports
        own = OwnPackages(allowed, search_folders(file, allowed))
        modules = [each.module for each in draft.imports().values()]
        with self._renewal.renewed(own, modules):
            yield Drawing(file, draft, self.commons).blueprint()


def search_folders(file: Path, packages: tuple[str, ...]) -> tuple[str, ...]:
    """Return where the packages of a project are looked for, before ``sys.path``.

    The folder of the organism file and the one above it, if one of the packages is there;
    then the working directory.
    """
    heads = {each.partition(".")[0] for each in packages} - {OURS}
    near = file.absolute().parent
    homes = (
        each
        for each in (near, near.parent)
        if any((each / head).is_dir() or (each / f"{head}.py").is_file() for head in heads)
    )
    return tuple(dict.fromkeys(map(str, (*homes, Path.cwd()))))
