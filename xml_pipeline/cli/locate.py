"""Which running organism a command means, and how it gets there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from xml_pipeline.cli.exits import Misused, Unreachable
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.state import Running, running_organisms

TOKEN_VARIABLE = "XML_PIPELINE_TOKEN"  # noqa: S105  # the name of one


def locate(target: Target) -> tuple[str, str]:
    """Return the URL and the token of the organism that is meant.

    Without a URL it is the one that runs on this account; of several, the one whose file lies
    below the working directory. Raises Unreachable where none runs, Misused where several may
    be meant or the token is not known.
    """
    organisms = running_organisms()
    if target.url is None:
        meant = _only(organisms)
        return meant.url, target.token or meant.token
    address = target.url.rstrip("/")
    known = (each.token for each in organisms if each.url == address)
    found = target.token or next(known, None) or os.environ.get(TOKEN_VARIABLE)
    if not found:
        raise Misused(f"{address} needs a token: give it with --token, or in {TOKEN_VARIABLE}")
    return address, found


def _only(organisms: Sequence[Running]) -> Running:
    if not organisms:
        raise Unreachable(
            "no organism is running here: start one with `xml-pipeline run`,"
            " or name one elsewhere with --url"
        )
    here = Path.cwd()
    near = [each for each in organisms if Path(each.file).is_relative_to(here)]
    for candidates in (organisms, near):
        if len(candidates) == 1:
            return candidates[0]
    listed = "\n".join(f"  --url {each.url}  {each.name} ({each.file})" for each in organisms)
    raise Misused(f"several organisms are running here, name one:\n{listed}")
