#!/usr/bin/env python
"""Draws what a terminal shows of commands that are really run: pictures for the guide.

`python docs/generate_recordings.py` writes docs/pictures/*.svg; a test runs the commands again and
compares, but for times.
"""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
PICTURES = Path(__file__).parent / "pictures"
WIDTH = 100

_READY = re.compile(r"^Talking with|^/allow, or|\d s\)?$")
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_TIME = re.compile(r"\d+\.\d s")
_TOLD = re.compile(r"<!-- told:\n(.*?)\n-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scene:
    """A command, and the lines that somebody types while it runs."""

    command: str
    typed: tuple[str, ...] = ()


SCENES: Mapping[str, Scene] = {
    "ask-an-agent": Scene(
        'xml-pipeline ask researcher "What is 19 times 23?" --organism organisms/researcher.yaml'
    ),
    "coder": Scene(
        "xml-pipeline chat --organism organisms/coder.yaml",
        ("Mend the calculator.", "/allow", "/allow", "/allow"),
    ),
    "chat": Scene("xml-pipeline chat", ("Hello!", "How do I get a real model?", "/cost")),
}


def played(scene: Scene, state: Path) -> str:
    """Run a scene and return what a terminal shows, with what is typed in its place."""
    arguments = scene.command.removeprefix("xml-pipeline ")
    keys = {name: "" for name in os.environ if name.endswith("_API_KEY")}
    environment = {**os.environ, **keys, "XDG_STATE_HOME": str(state), "XML_PIPELINE_MODEL": ""}
    if "--organism" in arguments:
        del environment["XML_PIPELINE_MODEL"]
    done = subprocess.run(  # noqa: S602  # the commands stand above
        f"{sys.executable} -m xml_pipeline {arguments}",
        shell=True,
        cwd=ROOT,
        env=environment,
        input="".join(f"{each}\n" for each in scene.typed),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return with_what_is_typed(done.stdout, scene.typed)


def with_what_is_typed(shown: str, typed: Sequence[str]) -> str:
    """Put what was typed where it would stand: before what came of it."""
    lines, left = [], list(typed)
    for line in shown.splitlines():
        lines.append(line)
        if left and _READY.search(line):
            lines.append(f"> {left.pop(0)}")
    return "\n".join(lines)


def told(text: str) -> str:
    """Return what is compared: all but times."""
    return _TIME.sub("… s", text).strip()


def told_in(picture: str) -> str:
    """Return what a picture was drawn of."""
    found = _TOLD.search(picture)
    return html.unescape(found[1]) if found else ""


def drawn(scene: Scene, shown: str) -> str:
    """Return the picture of a scene."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(Text(f"$ {scene.command}", style="bold"))
    for line in shown.splitlines():
        console.print(Text(line))
    picture = _FONTS.sub("", console.export_svg(title=scene.command.split()[1]))
    return f"{picture}\n<!-- told:\n{html.escape(told(shown))}\n-->\n"


def main() -> None:
    """Draw every picture."""
    state = Path(os.environ.get("TMPDIR", "/tmp")) / "xml-pipeline-recordings"  # noqa: S108
    for name, scene in SCENES.items():
        picture = drawn(scene, played(scene, state))
        (PICTURES / f"{name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
