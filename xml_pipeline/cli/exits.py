"""How a command ends: its exit code, and what stderr says."""

from __future__ import annotations

import click

from xml_pipeline.errors import (
    BackendUnavailable,
    ConfigError,
    MissingExtra,
    PluginNotFound,
    XmlPipelineError,
)

FAILED = 1
USAGE = 2
UNREACHABLE = 3
INTERRUPTED = 130
TERMINATED = 143


class Failed(click.ClickException):
    """The command was understood and did not succeed."""

    exit_code = FAILED


class Misused(click.ClickException):
    """What was asked for cannot be meant: a wrong name, a wrong token, a wrong file."""

    exit_code = USAGE


class Unreachable(click.ClickException):
    """Something that the command needs, a service or a package, is not there."""

    exit_code = UNREACHABLE


def retold(error: XmlPipelineError) -> click.ClickException:
    """Return an error of the package as the command line tells it."""
    if isinstance(error, BackendUnavailable):
        return Unreachable(f"{error}\nNothing can be written there: see `backend` in the file.")
    if isinstance(error, MissingExtra):
        return Unreachable(str(error))
    if isinstance(error, ConfigError):
        return Unusable(error.problems)
    if isinstance(error, PluginNotFound):
        return Misused(str(error))
    return Failed(f"{error} (fault {error.id})" if error.id else str(error))


class Unusable(Misused):
    """A file cannot be used; each problem is a line that begins with its place."""

    def __init__(self, problems: tuple[str, ...], consequence: str = "") -> None:
        super().__init__("\n".join(filter(None, (consequence, *problems))))
        self.problems = problems

    def show(self, file: object = None) -> None:
        """Print the problems as they are, for editors and people who click on places."""
        click.echo(self.message, err=True)
