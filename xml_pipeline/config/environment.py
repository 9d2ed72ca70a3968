"""The environment of an organism file: what is exported, then the ``.env`` files.

``os.environ`` is only read: two organisms in one process may have different ``.env`` files.
Values in a ``.env`` file are taken as they stand, without expansion.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream

REFERENCE = re.compile(r"\$(?:\$|\{(?:(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^{}]*))?\})?)", re.A)
"""``$$``, ``${NAME}``, ``${NAME:-default}``, or a ``${`` that is none of these."""

ENV_FILE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables by name, and what was wrong with the files they came from."""

    variables: Mapping[str, str] = field(repr=False)  # may hold secrets
    warnings: tuple[str, ...] = ()

    def expand(self, text: str) -> str:
        """Replace ``${NAME}`` and ``${NAME:-default}``; ``$$`` stands for one ``$``.

        The default also stands in for an empty variable, as in a shell. Raises ValueError
        that names every variable that is not set.
        """
        missing: list[str] = []
        expanded = REFERENCE.sub(lambda found: self._value(found, missing), text)
        if missing:
            wanted = " and ".join(dict.fromkeys(missing))
            hint = f"export it, or write `${{{missing[0]}:-default}}`"
            raise ValueError(f"not set in the environment: {wanted}; {hint}")
        return expanded

    def _value(self, found: re.Match[str], missing: list[str]) -> str:
        name, default = found["name"], found["default"]
        if found[0] == "$$":
            return "$"
        if name is None:
            raise ValueError('"${" begins no "${NAME}" or "${NAME:-default}"')
        value = self.variables.get(name)
        if value is None and default is None:
            missing.append(name)
        return value or default or ""


def read_environment(folder: Path) -> Environment:
    """Read the ``.env`` files of the working directory and of ``folder``.

    What is exported wins over ``folder``'s file, and that over the working directory's.
    """
    variables: dict[str, str] = {}
    warnings: list[str] = []
    for file in {(place / ".env").resolve(): None for place in (Path.cwd(), folder)}:
        if not file.is_file():  # a directory of that name is somebody's virtual environment
            continue
        try:
            variables.update(_variables(file, warnings))
        except (OSError, ValueError) as error:
            warnings.append(f"{file}: ignored: {error}")
    return Environment({**variables, **os.environ}, tuple(warnings))


def _variables(file: Path, warnings: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what a ``.env`` file sets; lines that set nothing become warnings."""
    with file.open("rb") as stream:
        content = stream.read(ENV_FILE_BYTES + 1)
    if len(content) > ENV_FILE_BYTES:
        raise ValueError(f"it has more than {ENV_FILE_BYTES // 1024} kB")
    for line in parse_stream(io.StringIO(content.decode("utf-8-sig"))):
        if line.error:
            warnings.append(f"{file}:{line.original.line}:1: not a NAME=value line: ignored")
        elif line.key is not None and line.value is not None:
            yield line.key, line.value
