"""Imports the handlers, payload classes and steps that an organism file names.

The rule of this file: a path is judged before anything is imported. It must lie below an
allowed package, and so must, links followed, the file behind it and whatever is found there:
``from os import system`` makes no handler of ``system``.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType, TracebackType

from xml_pipeline.errors import ConfigError, PluginNotFound
from xml_pipeline.names import ImportPath, did_you_mean, import_path

OURS = "xml_pipeline"


def import_object(path: str, allow: Iterable[str]) -> object:
    """Return the object at ``pkg.module:name`` or ``pkg.module.name``.

    ``allow`` are the packages below which it may lie. Raises ConfigError if the path is refused
    or its module fails while it is imported, PluginNotFound if nothing is there.
    """
    allowed = tuple(allow)
    wanted = _parse(path)
    package = wanted.prefix(allowed)
    if package is None:
        raise _refused(wanted, f"it is not below {' or '.join(allowed) or 'any package'}")
    importlib.invalidate_caches()  # the file may have been written a moment ago
    module = _import_below(package, wanted)
    try:
        found: object = getattr(module, wanted.name)
    except AttributeError:
        raise _nothing_there(module, wanted) from None
    _check_origin(found, wanted, (*allowed, OURS))
    return found


def _parse(path: str) -> ImportPath:
    try:
        return import_path(path)
    except ValueError as error:
        raise ConfigError((str(error),)) from None


def _import_below(package: str, wanted: ImportPath) -> ModuleType:
    """Import the module, package by package; each file is judged before it is run."""
    folders: list[Path] = []
    parent: ModuleType | None = None
    for name in _ancestors(wanted.module):
        spec = _spec_of(name, parent, wanted)
        if f"{package}.".startswith(f"{name}."):
            folders = list(_folders(spec))
        elif outside := [each for each in _files(spec) if not _is_below(each, folders)]:
            raise _refused(wanted, f'the file of "{name}" is really {outside[0]}')
        with _Importing(name, folders):
            parent = importlib.import_module(name)
    return importlib.import_module(wanted.module)


def _ancestors(module: str) -> Iterator[str]:
    """Yield ``a``, ``a.b`` and ``a.b.c`` of ``a.b.c``."""
    parts = module.split(".")
    return (".".join(parts[: count + 1]) for count in range(len(parts)))


def _spec_of(name: str, parent: ModuleType | None, wanted: ImportPath) -> ModuleSpec:
    """Return how a module would be imported; its parents have been, itself is not."""
    try:
        spec = find_spec(name)
    except (ModuleNotFoundError, ValueError):  # no package above it, or made without a spec
        spec = None
    if spec is not None:
        return spec
    siblings = _modules_in(parent) if parent else ()
    hint = did_you_mean(name.rpartition(".")[2], siblings)
    if not hint and parent is None:
        hint = f'start from the directory that "{name}" is in'
    raise PluginNotFound("; ".join(filter(None, (f'"{wanted}": no module "{name}"', hint))))


def _modules_in(package: ModuleType) -> list[str]:
    return [each.name for each in iter_modules(getattr(package, "__path__", ()))]


def _folders(spec: ModuleSpec) -> Iterator[Path]:
    """Yield the real directories of a package, or the one that a lone module lies in."""
    if spec.submodule_search_locations is not None:
        yield from (Path(each).resolve() for each in spec.submodule_search_locations)
    elif spec.has_location and spec.origin:
        yield Path(spec.origin).resolve().parent


def _files(spec: ModuleSpec) -> Iterator[Path]:
    """Yield the real files and directories that importing a module would read."""
    if spec.has_location and spec.origin:
        yield Path(spec.origin).resolve()
    yield from (Path(each).resolve() for each in spec.submodule_search_locations or ())


def _is_below(file: Path, folders: Iterable[Path]) -> bool:
    return any(file.is_relative_to(folder) for folder in folders)


def _nothing_there(module: ModuleType, wanted: ImportPath) -> PluginNotFound:
    if wanted.name in _modules_in(module):
        return PluginNotFound(f'"{wanted}" is a module: add the name of what is in it')
    public = [name for name in dir(module) if not name.startswith("_")]
    hint = did_you_mean(wanted.name, public)
    text = f'"{wanted}": no "{wanted.name}" in {module.__file__ or wanted.module}'
    return PluginNotFound("; ".join(filter(None, (text, hint))))


def _check_origin(found: object, wanted: ImportPath, allowed: tuple[str, ...]) -> None:
    """Refuse a module, and what was itself imported from a package that is not allowed."""
    if isinstance(found, ModuleType):
        raise _refused(wanted, "it is a module: add the name of what is in it")
    origin = getattr(found, "__module__", None)
    if isinstance(origin, str) and ImportPath(origin, wanted.name).prefix(allowed) is None:
        raise _refused(wanted, f'it really comes from "{origin}"')


def _refused(wanted: ImportPath, why: str) -> ConfigError:
    return ConfigError((f'"{wanted}" is refused: {why}',))


class _Importing:
    """While a module is imported: retells its error, whatever it is, with its line."""

    def __init__(self, module: str, folders: list[Path]) -> None:
        self._module = module
        self._folders = folders

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception | SystemExit):
            said = error.msg if isinstance(error, SyntaxError) else str(error)
            words = f"{type(error).__name__}: {' '.join(said.split())}"
            text = f'importing "{self._module}" failed: {self._place(error, trace)}{words}'
            raise ConfigError((text,)) from error

    def _place(self, error: BaseException, trace: TracebackType | None) -> str:
        """Return ``file:line: `` of the last line of the user's own that was at work."""
        if isinstance(error, SyntaxError) and error.filename:
            return f"{error.filename}:{error.lineno}: "
        frames = traceback.extract_tb(trace)
        own = [each for each in frames if _is_below(Path(each.filename).resolve(), self._folders)]
        return f"{own[-1].filename}:{own[-1].lineno}: " if own else ""
