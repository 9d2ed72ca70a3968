"""Where a process enters the command line, and with which exit code it leaves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from xml_pipeline.cli.exits import INTERRUPTED, retold
from xml_pipeline.cli.program import NAME, program
from xml_pipeline.errors import XmlPipelineError


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command line and end the process."""
    sys.exit(exit_code(arguments))


def exit_code(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; what went wrong is on stderr when this returns."""
    try:
        code = program.main(arguments, prog_name=NAME, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except XmlPipelineError as error:
        told = retold(error)
        told.show()
        return told.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return code if isinstance(code, int) else 0
