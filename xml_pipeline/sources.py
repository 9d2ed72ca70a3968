"""The modules of the user's own packages: where they lie, what they say, what they import.

The rule of this file: a module is what its file says now. Python's bytecode cache takes two
edits of the same length within one second for one, so it is neither read nor written here.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import resolve_name, spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType

from xml_pipeline.imports import OURS

NOWHERE = "/dev/null"
"""Below it no file can ever lie."""


class FromSource(SourceFileLoader):
    """Compiles a module from its source, and remembers which source that was.

    The source is what the file says now, unless another was set before it is loaded.
    """

    source: bytes | None = None
    digest = ""

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the source."""
        if self.source is None:
            self.source = self.get_data(self.path)
        self.digest = _digest(self.source)
        return self.source_to_code(self.source, self.path)


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """What a loaded module's file says now.

    ``origin`` is the file that an import would read, or the folder of a package without one.
    ``digest`` is of its text, empty where there is none. ``needs`` are the names of all modules
    that it may see parts of: those that it imports, in functions too, and every package above
    those and above itself.
    """

    origin: str | None
    digest: str
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class OwnPackages:
    """The packages that are the user's own; a finder for ``sys.meta_path`` as well.

    ``folders`` are where their outermost ones are looked for before ``sys.path``. ``given`` has
    the sources of modules that are not to be read from their files. Our own package is never
    among them, whatever ``packages`` says.
    """

    packages: tuple[str, ...]
    folders: tuple[str, ...] = ()
    given: Mapping[str, bytes] = field(default_factory=dict)

    def covers(self, name: str) -> bool:
        """Tell whether a module is one of the packages, or below one."""
        own = any(f"{name}.".startswith(f"{each}.") for each in self.packages)
        return own and not f"{name}.".startswith(f"{OURS}.")

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to import a covered module from its source."""
        if not self.covers(name):
            return None
        places = dict.fromkeys((*self.folders, *sys.path)) if path is None else path
        spec = PathFinder.find_spec(name, [*places], target)
        if spec is None or spec.loader is None:
            return self._given_spec(name) or spec
        if type(spec.loader) is SourceFileLoader:
            spec.loader = FromSource(name, spec.loader.path)
            spec.loader.source = self.given.get(name)
        return spec

    def _given_spec(self, name: str) -> ModuleSpec | None:
        """Return how to import a module of which nothing is there but its source."""
        is_package = any(each.startswith(f"{name}.") for each in self.given)
        if name not in self.given and not is_package:
            return None
        file = "/".join((NOWHERE, *name.split("."), *("__init__",) * is_package))
        loader = FromSource(name, f"{file}.py")
        loader.source = self.given.get(name, b"")
        return spec_from_loader(name, loader)

    def loaded(self) -> dict[str, ModuleType]:
        """Return the covered modules that have been imported."""
        return {name: each for name, each in sys.modules.items() if self.covers(name)}

    def reachable(self, names: Iterable[str]) -> dict[str, ModuleFile]:
        """Return the covered, imported modules of these names, and all that they need."""
        found: dict[str, ModuleFile] = {}
        waiting = [each for name in names for each in lineage(name)]
        while waiting:
            name = waiting.pop()
            spec = getattr(sys.modules.get(name), "__spec__", None)
            if name not in found and spec is not None and self.covers(name):
                found[name] = self._file(name, spec)
                waiting.extend(found[name].needs)
        return found

    def _file(self, name: str, imported: ModuleSpec) -> ModuleFile:
        """Read what importing a module again would read."""
        package = name.rpartition(".")[0]
        path = getattr(sys.modules.get(package), "__path__", ()) if package else None
        spec = self.find_spec(name, path) or imported
        if not spec.has_location or spec.origin is None or not spec.origin.endswith(".py"):
            return ModuleFile(origin_of(spec), "", frozenset(lineage(name)) - {name})
        try:
            source = Path(spec.origin).read_bytes()
        except OSError:
            return ModuleFile(None, "")
        needs = {each for near in _imported(source, spec) for each in lineage(near)}
        return ModuleFile(
            spec.origin, _digest(source), frozenset(needs | {*lineage(name)}) - {name}
        )


def sources_taken() -> dict[str, bytes]:
    """Return the sources that the modules of organisms were imported from, by their names."""
    loaders = {name: getattr(each, "__loader__", None) for name, each in sys.modules.items()}
    return {
        name: loader.source
        for name, loader in loaders.items()
        if isinstance(loader, FromSource) and loader.source is not None
    }


def sources_needed(names: Iterable[str]) -> dict[str, bytes]:
    """Return the sources, of those, of these modules and of all that they import."""
    taken, found = sources_taken(), dict[str, bytes]()
    waiting = [each for name in names for each in lineage(name)]
    while waiting:
        name = waiting.pop()
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if name in taken and name not in found and spec is not None:
            found[name] = taken[name]
            waiting += (each for near in _imported(taken[name], spec) for each in lineage(near))
    return found


def origin_of(spec: ModuleSpec) -> str | None:
    """Return the file of a module, or the first folder of a package that has no file."""
    return spec.origin or next(iter(spec.submodule_search_locations or ()), None)


def lineage(name: str) -> Iterator[str]:
    """Yield ``a``, ``a.b`` and ``a.b.c`` of ``a.b.c``."""
    parts = name.split(".")
    return (".".join(parts[: count + 1]) for count in range(len(parts)))


def _imported(source: bytes, spec: ModuleSpec) -> Iterator[str]:
    """Yield every name that a module's import statements may mean a module by."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # it cannot be imported either, which will be told then
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, spec.parent or "")
            yield from (f"{base}.{each.name}" for each in node.names)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    try:
        return resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:  # beyond the outermost package
        return node.module or ""


def _digest(source: bytes) -> str:
    return sha256(source).hexdigest()
