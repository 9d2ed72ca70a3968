"""``a2a``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from xml_pipeline.a2a.cards import Card, pins_text, read_pins
from xml_pipeline.catalogue import find
from xml_pipeline.cli import options
from xml_pipeline.cli.exits import Misused, Unreachable
from xml_pipeline.cli.output import remark
from xml_pipeline.cli.pinning import approve
from xml_pipeline.cli.text_logs import text_lines
from xml_pipeline.config import A2aAgentConfig, load_config
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.logs import log_lines


@click.group()
def a2a() -> None:
    """Speak with agents elsewhere."""


@a2a.command()
@options.organism_file
@click.argument("agents", metavar="[AGENT]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Approve without asking.")
@options.asynchronous
async def pin(file: Path, agents: tuple[str, ...], yes: bool) -> None:
    """Show the cards of the agents elsewhere that an organism names, and approve them.

    Each agent is asked for its card, which is compared with the one that was approved before; the
    differences are shown, and written into `a2a.lock.json` beside ORGANISM.YAML once they are
    approved. An agent that shows another card later on is not asked. Without AGENT, all are
    looked at.
    """
    config = load_config(file).config.a2a
    chosen = _chosen(config.agents, agents)
    pins_file = file.parent / config.pins
    before = read_pins(pins_file)
    after = {name: each for name, each in before.items() if name in config.agents}
    pinning: Any = find("a2a", "pinning", called="an agent elsewhere")
    with log_lines(text_lines(colors=False), "warning"):
        for name, agent in chosen.items():
            after[name] = await _found(pinning, name, agent)
    told = [line for name in after for line in _told(pinning, name, before, after)]
    told += [f"{name}: gone from the file" for name in before if name not in after]
    approve(pins_file, told, pins_text(after), yes=yes)


def _chosen(
    known: Mapping[str, A2aAgentConfig], wanted: tuple[str, ...]
) -> Mapping[str, A2aAgentConfig]:
    if not known:
        raise Misused("the file names no agent elsewhere: `a2a: {agents: {NAME: {url: …}}}`")
    for name in wanted:
        if name not in known:
            raise Misused(f'there is no agent "{name}" elsewhere: {", ".join(known)}')
    return {name: known[name] for name in wanted} if wanted else known


async def _found(pinning: Any, name: str, agent: A2aAgentConfig) -> Card:
    remark(f"{name}: {agent.url}")
    try:
        found: Card = await pinning.discover(name, agent)
    except XmlPipelineError as error:
        raise Unreachable(str(error)) from None
    return found


def _told(
    pinning: Any, name: str, before: Mapping[str, Card], after: Mapping[str, Card]
) -> list[str]:
    lines = list(pinning.differences(before.get(name), after[name]))
    return [f"{name}:", *(f"  {each}" for each in lines)] if lines else []
