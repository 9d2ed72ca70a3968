"""``mcp``."""

from __future__ import annotations

import os
import shlex
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import click
from mcp.server.stdio import stdio_server

from xml_pipeline.cli import options
from xml_pipeline.cli.exits import Failed, Misused, Unreachable
from xml_pipeline.cli.output import remark
from xml_pipeline.cli.pinning import approve
from xml_pipeline.cli.text_logs import text_lines
from xml_pipeline.config import McpServerConfig, load_config
from xml_pipeline.logs import log_lines
from xml_pipeline.mcp.definitions import Pins, pins_text, read_pins
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.login import log_in
from xml_pipeline.mcp.logout import LoggedOut, log_out
from xml_pipeline.mcp.pinning import differences, discover
from xml_pipeline.organism import Organism
from xml_pipeline.server.bounds import Bounds
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.mcp.serving import Clients
from xml_pipeline.subject import Subject, subject_of

SENDER = "mcp:stdio"

_LOGGED_OUT: Mapping[LoggedOut, str] = MappingProxyType(
    {
        "nobody": "Nobody had logged in to {}.",
        "here": "Logged out of {}, whose tokens are good until they end: nothing takes them back.",
        "everywhere": "Logged out of {}, and its tokens were taken back.",
    }
)


@click.group()
def mcp() -> None:
    """Use the tools of MCP servers, and be one."""


@mcp.command()
@options.organism_file
@click.argument("servers", metavar="[SERVER]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Approve without asking.")
@options.asynchronous
async def pin(file: Path, servers: tuple[str, ...], yes: bool) -> None:
    """Show what the MCP servers of an organism have, and approve it.

    Each server is started or connected to, and what it has is compared with what was approved
    before; the differences are shown, and written into `mcp.lock.json` beside ORGANISM.YAML once
    they are approved. An organism uses what stands there, and nothing else. Without SERVER, all
    are asked. A server that wants to know for which user it is asked is told by the token in
    `XML_PIPELINE_SUBJECT_TOKEN`.
    """
    config = load_config(file).config.mcp
    chosen = _chosen(config.servers, servers)
    pins_file = file.parent / config.pins
    before = read_pins(pins_file)
    after = {name: each for name, each in before.items() if name in config.servers}
    with log_lines(text_lines(colors=False), "warning"):
        for name, server in chosen.items():
            after[name] = await _found(name, server, file.parent, _subject())
    told = [line for name in after for line in _told(name, before.get(name), after[name])]
    told += [f"{name}: gone from the file" for name in before if name not in after]
    approve(pins_file, told, pins_text(after), yes=yes)


@mcp.command()
@options.organism_file
@click.argument("server", metavar="SERVER")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where the browser answers.")
@click.option("--scope", default="", help="Scopes to ask for, beside what the server wants.")
@click.option("--no-browser", is_flag=True, help="Show the address only.")
@options.asynchronous
async def login(file: Path, server: str, port: int, scope: str, no_browser: bool) -> None:
    """Log in to an MCP server that says `auth: {type: authorization_code}`.

    A browser is opened; it answers on this machine, at a free port unless `--port` names one. What
    is granted is kept in the state directory, for this account only, and `run` gets in with it.
    """
    config = load_config(file).config.mcp
    (chosen,) = _chosen(config.servers, (server,)).values()

    def show(address: str) -> None:
        remark(f"Log in at {address}")
        if not no_browser:
            webbrowser.open(address)

    with log_lines(text_lines(colors=False), "critical"):
        try:
            kept = await log_in(server, chosen, file.parent, show, port=port, scope=scope)
        except ServerFailed as error:
            raise Failed(str(error)) from None
    remark(f"Logged in to {server}: {kept}")


@mcp.command()
@options.organism_file
@click.argument("server", metavar="SERVER")
@options.asynchronous
async def logout(file: Path, server: str) -> None:
    """Log out of an MCP server.

    What `login` has kept is removed, so that no organism gets in with it any more, and taken back
    at the authorization server, if that takes tokens back.
    """
    config = load_config(file).config.mcp
    (chosen,) = _chosen(config.servers, (server,)).values()
    with log_lines(text_lines(colors=False), "critical"):
        try:
            done = await log_out(server, chosen, file.parent)
        except ServerFailed as error:
            raise Failed(str(error)) from None
    remark(_LOGGED_OUT[done].format(server))


@mcp.command()
@options.organism_file
@options.asynchronous
async def serve(file: Path) -> None:
    """Be an MCP server, over standard input and output.

    The listeners that say `expose: mcp` are its tools. `run` serves the same at `/mcp`.
    """
    with log_lines(text_lines(colors=False), "warning") as lines:
        organism = Organism.load(file)
        lines.redact = organism.kernel.redacting
        async with organism:
            await organism.boot()
            desk = Desk(organism, SENDER, Bounds())
            try:
                server = Clients(desk).server()
                async with stdio_server() as (coming, going):
                    await server.run(coming, going, server.create_initialization_options())
            finally:
                desk.close()


def _chosen(
    known: Mapping[str, McpServerConfig], wanted: tuple[str, ...]
) -> Mapping[str, McpServerConfig]:
    if not known:
        raise Misused("the file names no MCP server: `mcp: {servers: {NAME: {url: …}}}`")
    for name in wanted:
        if name not in known:
            raise Misused(f'there is no MCP server "{name}": {", ".join(known)}')
    return {name: known[name] for name in wanted} if wanted else known


async def _found(name: str, server: McpServerConfig, folder: Path, subject: Subject | None) -> Pins:
    where = shlex.join((server.command, *server.args)) if server.command else server.url
    remark(f"{name}: {where}")
    try:
        found = await discover(name, server, folder, subject)
    except ServerFailed as error:
        raise Unreachable(str(error)) from None
    for tool, why in found.refused.items():
        remark(f"{name}: the tool {tool!r} cannot be had, and is left out: {why}")
    return found.pins


def _subject() -> Subject | None:
    try:
        return subject_of(os.environ.get("XML_PIPELINE_SUBJECT_TOKEN", ""))
    except ValueError as error:
        raise Misused(f"XML_PIPELINE_SUBJECT_TOKEN: {error}") from None


def _told(name: str, before: Pins | None, after: Pins) -> list[str]:
    lines = list(differences(before, after))
    return [f"{name}:", *(f"  {each}" for each in lines)] if lines or before is None else []
