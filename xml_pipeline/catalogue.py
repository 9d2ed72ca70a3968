"""Finds code by the names that configuration gives it: plug-ins here, objects in ``imports``.

Nothing is scanned and nothing is imported before it is named; names come from configuration,
never from messages. A plug-in is a module in one of our rooms or, failing that, an entry point
of the group ``xml_pipeline.<room>``.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, metadata
from pkgutil import iter_modules
from types import ModuleType

from xml_pipeline.errors import MissingExtra, PluginNotFound
from xml_pipeline.imports import import_object
from xml_pipeline.names import did_you_mean, plugin_name

__all__ = ["find", "import_object"]

PACKAGE = "xml_pipeline"
DISTRIBUTION = "xml-pipeline"
FACES = frozenset({"base"})
"""Modules of a room that show its face, and are no plug-ins."""
FOR_DEVELOPERS = frozenset({"bench", "dev"})
"""Extras that nobody installs for the sake of a plug-in."""

_REQUIREMENT = re.compile(r"""(?P<package>[\w.-]+).*\bextra\s*==\s*["'](?P<extra>[^"']+)["']""")


def find(room: str, name: str, *, called: str = "") -> ModuleType:
    """Import and return the plug-in ``name`` of ``room``; ``called`` is what users know it as.

    Raises PluginNotFound where there is none, and MissingExtra where it needs a package that
    is not installed.
    """
    try:
        full = f"{PACKAGE}.{plugin_name(room)}.{plugin_name(name)}"
    except ValueError as error:
        raise PluginNotFound(str(error)) from None
    module = None if name in FACES else _import(full, room, name, called)
    return module or _from_entry_point(room, name)


def _import(full: str, room: str, name: str, called: str = "") -> ModuleType | None:
    """Import a module; None if it, or the room it should be in, is not there."""
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if f"{full}.".startswith(f"{missing}."):
            return None
        if missing.partition(".")[0] == PACKAGE:
            raise  # our own mistake, not the user's
        needy = called or f'{room} "{name}"'
        raise MissingExtra(f"{needy} {_how_to_install(missing, room, name)}") from error


def _from_entry_point(room: str, name: str) -> ModuleType:
    """Return the module that an installed package offers under this name."""
    offered = entry_points(group=f"{PACKAGE}.{room}")
    points = {point.value: point for point in offered.select(name=name)}
    if not points:
        hint = did_you_mean(name, sorted({*_modules_of(room), *offered.names}))
        raise PluginNotFound("; ".join(filter(None, (f'{room} has no "{name}"', hint))))
    if len(points) > 1:
        raise PluginNotFound(f'{room} has "{name}" more than once: {", ".join(sorted(points))}')
    return _load(next(iter(points.values())), room, name)


def _load(point: EntryPoint, room: str, name: str) -> ModuleType:
    module = _import(point.module, room, name)
    if module is None or point.attr:
        raise PluginNotFound(f'{room} "{name}" should be a module, but is "{point.value}"')
    return module


def _modules_of(room: str) -> Iterator[str]:
    """Yield the names of our own plug-ins in a room, without importing them."""
    try:
        package = importlib.import_module(f"{PACKAGE}.{room}")
    except ModuleNotFoundError:
        return
    names = (each.name for each in iter_modules(getattr(package, "__path__", ())))
    yield from (name for name in names if name not in FACES and not name.startswith("_"))


def _how_to_install(missing: str, room: str, name: str) -> str:
    extra = _extra_for(missing.partition(".")[0], room, name)
    wanted = f'"{DISTRIBUTION}[{extra}]"' if extra else missing.partition(".")[0]
    return f'needs "{missing}": python -m pip install {wanted}'


def _extra_for(package: str, room: str, name: str) -> str | None:
    """Return the extra that brings a package: named after the plug-in, with it, or the room.

    A distribution is often called a little otherwise than what it installs (``jwt`` comes with
    ``pyjwt``), so a part of its name is enough.
    """
    try:
        about = metadata(DISTRIBUTION)
    except PackageNotFoundError:  # running from a source tree that is not installed
        return None
    extras = about.get_all("Provides-Extra") or ()
    required = map(_REQUIREMENT.match, about.get_all("Requires-Dist") or ())
    bringing = [
        each["extra"]
        for each in required
        if each
        and each["extra"] not in FOR_DEVELOPERS
        and package.lower() in re.sub(r"[-.]", "_", each["package"].lower())
    ]
    candidates = [name] * (name in extras) + bringing + [room] * (room in extras)
    return next(iter(candidates), None)
