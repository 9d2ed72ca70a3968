"""Arguments and options that several commands share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

DEFAULT_FILE = Path("config/organism.yaml")

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Target:
    """Which organism a command is meant for: a running one, or one of its own from a file."""

    url: str | None = None
    token: str | None = None
    file: Path | None = None


organism_file = click.argument(
    "file", metavar="[ORGANISM.YAML]", type=click.Path(path_type=Path), default=DEFAULT_FILE
)
"""The organism file that a command is about."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

_url = click.option(
    "--url",
    metavar="URL",
    envvar="XML_PIPELINE_URL",
    help="Where the organism answers; without it, the one that runs on this account.",
)
_token = click.option(
    "--token", metavar="TOKEN", help="Its bearer token; known for organisms of this account."
)
_own = click.option(
    "--organism",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Start an organism of one's own for this command.",
)


def asynchronous(command: Callable[..., Coroutine[Any, Any, None]]) -> Command:
    """Run a command that is a coroutine function in an event loop of its own."""

    @wraps(command)
    def run(**given: Any) -> None:
        asyncio.run(command(**given))

    return run


def running_organism(command: Command) -> Command:
    """Add the options that say which running organism is meant; give them as ``target``."""

    @wraps(command)
    def with_target(url: str | None, token: str | None, **rest: Any) -> Any:
        return command(target=Target(url, token), **rest)

    return _url(_token(with_target))


def any_organism(command: Command) -> Command:
    """Do as ``running_organism`` does, and let it be one that the command starts itself."""

    @wraps(command)
    def with_target(url: str | None, token: str | None, organism: Path | None, **rest: Any) -> Any:
        return command(target=Target(url, token, organism), **rest)

    return _own(_url(_token(with_target)))
