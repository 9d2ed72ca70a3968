"""How a command gets hold of an organism: one that runs already, or one of its own."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from importlib import import_module

from xml_pipeline.cli.client import Client, connected
from xml_pipeline.cli.locate import locate
from xml_pipeline.cli.options import Target


def reached(target: Target) -> AbstractAsyncContextManager[Client]:
    """Give a client of the organism that is meant; start it where a file is named.

    What it takes to run an organism is loaded in that case only.
    """
    if target.file is None:
        return connected(*locate(target))
    own: AbstractAsyncContextManager[Client] = import_module("xml_pipeline.cli.own").started(
        target.file
    )
    return own


def spoken_with(target: Target, *, attended: bool) -> AbstractAsyncContextManager[Client]:
    """Do as ``reached`` does, for whoever wants to hear what happens while it happens.

    ``attended`` says that somebody is there who can decide on what waits for approval.
    """
    if target.file is None:
        return connected(*locate(target))
    own: AbstractAsyncContextManager[Client] = import_module("xml_pipeline.cli.own").served(
        target.file, attended=attended
    )
    return own
