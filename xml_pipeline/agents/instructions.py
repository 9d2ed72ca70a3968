"""What stands at the beginning of every request: project instructions, the agent's prompt, the day.

Instructions are read from files that lie in the project: from the folder of the organism file up to
the root of its git repository, never above it, and in this account's own configuration. Where
there is no repository, the folder is all of the project. A link that leads out of there is refused:
whoever may write in a project could have any file of this machine read to a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePath

from xml_pipeline.agents.results import truncated
from xml_pipeline.errors import ConfigError
from xml_pipeline.places import upwards

MOST_BYTES = 65_536
"""Bytes of all instructions together."""

SEPARATOR = "\n\n---\n\n"


def system_prompt(
    prompt: str, *, instructions: str = "", peers: str = "", now: datetime | None = None
) -> str:
    """Return the system prompt: instructions, prompt, what is said of the peers, and the date.

    The date goes to the day only: with the time in it no two requests would begin alike, and a
    provider could keep nothing of them in its cache.
    """
    day = (now or datetime.now(UTC)).astimezone(UTC).date().isoformat()
    own = "\n\n".join(each for each in (prompt, peers, f"Today is {day} (UTC).") if each)
    return SEPARATOR.join(each for each in (instructions, own) if each)


def project_instructions(names: Sequence[str], folder: Path, own: Path) -> str:
    """Return what the files of these names say, the nearest to ``folder`` last.

    It has the last word. ``own`` is the folder of the account. What stands in two files is said
    once; where all of it is too long, the farthest is cut. Raises ConfigError for a name or a link
    that leads outside, and for a file that cannot be read or is too long by itself.
    """
    for name in names:
        if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
            raise ConfigError((f"`instructions` {name} leads out of the project: name a file",))
    said: list[str] = []
    left = MOST_BYTES
    for text in _texts(names, folder.resolve(), own.resolve()):
        if text and text not in said and left > 0:
            said.append(truncated(text, left))
            left -= len(text.encode())
    return "\n\n".join(reversed(said))


def _texts(names: Sequence[str], folder: Path, own: Path) -> Iterator[str]:
    """Yield what each file says, the nearest first."""
    near = [*upwards(folder)]
    places = [*((place, near[-1]) for place in near), (own, own)]
    for place, within in places:
        for name in reversed(names):
            yield _read(place / name, within)


def _read(file: Path, within: Path) -> str:
    """Return what a file says, "" where there is none."""
    try:
        if not file.is_file():
            return ""
        real = file.resolve()
        if not real.is_relative_to(within):
            raise ConfigError((f"`instructions` {file} is a link that leads out of {within}",))
        with real.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError((f"`instructions` {file} cannot be read: {error.strerror}",)) from error
    if len(data) > MOST_BYTES:
        raise ConfigError((f"`instructions` {file} has more than {MOST_BYTES} bytes: shorten it",))
    return data.decode(errors="replace").strip()
