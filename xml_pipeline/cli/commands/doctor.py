"""``doctor``."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass

import click

from xml_pipeline.cli.options import as_json
from xml_pipeline.cli.output import print_json, print_result
from xml_pipeline.tools.sandbox.offered import LANDLOCK_ALONE, Offered, offered


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that was looked at: whether it is well, and what was seen."""

    name: str
    well: bool
    text: str


@click.command()
@as_json
def doctor(as_json: bool) -> None:
    """Tell what this machine offers to enclose commands with."""
    for sign in signs(offered()):
        if as_json:
            print_json({"name": sign.name, "ok": sign.well, "text": sign.text})
        else:
            print_result(f"{'ok' if sign.well else '--'}  {sign.name}: {sign.text}")


def signs(found: Offered) -> Iterator[Sign]:
    """Yield what there is to tell of a machine."""
    yield Sign("bubblewrap", bool(found.bwrap), found.bwrap or found.why)
    alone = found.can("landlock")
    words = f"ABI {found.landlock}" if found.landlock else "there is none"
    if not alone:
        because = ", and this is the user 0" if found.as_root else ""
        words += f"; alone it does from {LANDLOCK_ALONE} on, for others than the user 0{because}"
    yield Sign("landlock", alone, words)
    kind = platform.machine()
    yield Sign("seccomp", found.seccomp, kind if found.seccomp else f"calls of {kind} are unknown")
    best = found.best
    refused = "refused, unless they say `tool: {sandbox: none}`"
    yield Sign("shell tools", best is not None, f"enclosed by {best}" if best else refused)
