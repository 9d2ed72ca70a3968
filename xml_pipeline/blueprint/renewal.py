"""Importing modules anew when their source has changed, or not at all.

The rule of this file: after a failure, ``sys.modules`` and the packages in it are as they
were before; nobody ever meets a module of a generation that was given up.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from os.path import realpath
from pathlib import Path
from types import ModuleType

from xml_pipeline.sources import FromSource, ModuleFile, OwnPackages, lineage, origin_of


class Renewal:
    """The modules that one organism is made of, and which source each was imported from."""

    def __init__(self) -> None:
        self._digests: Mapping[str, str] | None = None
        self.folders: frozenset[Path] = frozenset()

    @contextmanager
    def renewed(self, own: OwnPackages, names: Iterable[str]) -> Iterator[None]:
        """Let the modules of these names, and all they need, be imported as they are now.

        Those that have changed are forgotten on entry, with those that need them, so that all
        see the same new classes; others keep their state and their identity. On an exception
        everything is put back.
        """
        names = tuple(names)
        importlib.invalidate_caches()  # a file may have been written a moment ago
        with ExitStack() as undo:
            undo.callback(_Before(own).restore)
            _forget(self._stale(own, names))
            sys.path[:0] = [each for each in own.folders if each not in sys.path]
            sys.meta_path.insert(0, own)
            try:
                yield
            finally:
                sys.meta_path.remove(own)
            self._remember(own.reachable(names))
            undo.pop_all()

    def _stale(self, own: OwnPackages, names: Iterable[str]) -> set[str]:
        """Return the modules that changed, those that need them, and those below them."""
        files = own.reachable(names)
        stale = {name for name, file in files.items() if self._has_changed(name, file)}
        while more := {
            name
            for name, file in files.items()
            if name not in stale and not stale.isdisjoint(file.needs)
        }:
            stale |= more
        return stale | {name for name in own.loaded() if not stale.isdisjoint(lineage(name))}

    def _has_changed(self, name: str, file: ModuleFile) -> bool:
        spec = sys.modules[name].__spec__
        if spec is None or not _is_one_place(file.origin, origin_of(spec)):
            return True
        if isinstance(spec.loader, FromSource):
            return file.digest != spec.loader.digest
        if self._digests is None:
            return False  # imported before there was an organism: taken as it is
        return file.digest != self._digests.get(name, "")

    def _remember(self, files: Mapping[str, ModuleFile]) -> None:
        self._digests = {name: file.digest for name, file in files.items()}
        origins = (file.origin for file in files.values() if file.digest)
        self.folders = frozenset(Path(each).parent for each in origins if each)


class _Before:
    """The covered modules, the names that their packages have for them, and the path."""

    def __init__(self, own: OwnPackages) -> None:
        self._own = own
        self._path = sys.path[:]
        self._modules = own.loaded()
        self._bound = [
            (parent, tail, vars(parent).get(tail, self))
            for name in self._modules
            for parent, tail in _parent(name)
        ]

    def restore(self) -> None:
        """Put everything back; ``self`` stands for a name that was not there."""
        _forget(self._own.loaded())
        sys.modules.update(self._modules)
        for parent, tail, value in self._bound:
            if value is self:
                vars(parent).pop(tail, None)
            else:
                setattr(parent, tail, value)
        sys.path[:] = self._path


def _forget(names: Iterable[str]) -> None:
    """Take modules out of ``sys.modules`` and out of the packages that show them."""
    gone = {name: sys.modules[name] for name in names}
    for name, module in gone.items():
        for parent, tail in _parent(name):
            if vars(parent).get(tail) is module:
                delattr(parent, tail)
    for name in gone:
        del sys.modules[name]


def _is_one_place(a: str | None, b: str | None) -> bool:
    return a == b or (a is not None and b is not None and realpath(a) == realpath(b))


def _parent(name: str) -> Iterator[tuple[ModuleType, str]]:
    """Yield the package that a module is in, if it is in one, and its name there."""
    package, _, tail = name.rpartition(".")
    if package in sys.modules:
        yield sys.modules[package], tail
