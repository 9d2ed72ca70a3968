"""The commands there are, by what they are for. None of them is loaded before it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click

NAME = "xml-pipeline"

COMMANDS: Mapping[str, Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "Make and look at an organism": {
            "new": ("new", "Write a working project into a new directory."),
            "check": ("check", "Load an organism and report whatever is wrong with its file."),
            "graph": ("graph", "Draw an organism: its listeners and who may address whom."),
            "schema": ("schema", "Print the schema of a payload, an envelope or the file."),
        },
        "Say who you are": {
            "keygen": ("keys", "Make a key to sign with, and the one to check by."),
            "sign": ("keys", "Sign envelopes, and print them."),
        },
        "Run it": {
            "run": ("run", "Run an organism until it is told to stop."),
            "worker": ("worker", "Serve the cpu-bound listeners of an organism on Redis."),
        },
        "Talk to it": {
            "chat": ("chat", "Talk with an agent, line by line."),
            "ask": ("ask", "Ask a listener something and print its answer."),
            "inject": ("inject", "Send envelopes from files and tell what became of them."),
            "watch": ("watch", "Follow what happens in a running organism."),
            "replay": (
                "replay",
                "Run a past conversation again, and show what comes out otherwise.",
            ),
            "threads": ("threads", "List the threads of a running organism, or show one."),
            "nodes": (
                "nodes",
                "Show the nodes of an organism, who holds what, and what is paused.",
            ),
        },
        "Control it": {
            "approvals": ("approvals", "List calls that wait for a decision; allow or deny them."),
            "questions": ("questions", "List questions that agents ask people; answer them."),
            "dead-letters": ("dead_letters", "List messages given up; show, replay or drop them."),
            "reload": ("control", "Make a running organism read its file again."),
            "kill": ("control", "Stop a thread, or all of a listener, of a tenant, or at all."),
            "pause": ("control", "Let a listener start nothing new."),
            "resume": ("control", "Let a paused listener go on."),
            "audit": ("audit", "Check the log of who did what to an organism."),
        },
        "Have to do with others": {
            "mcp": ("mcp", "Use the tools of MCP servers, and be one."),
            "a2a": ("a2a", "Speak with agents elsewhere."),
        },
        "And": {
            "doctor": ("doctor", "Tell what this machine offers to enclose commands with."),
            "version": ("version", "Print the versions of this package and what it stands on."),
        },
    }
)
"""Title → command → (module below ``commands``, what it does). The module has a click command
of the command's name."""


class Deferred(click.Command):
    """A command known by its name and its one line of help; called, it is imported."""

    def __init__(self, name: str, module: str, about: str) -> None:
        super().__init__(name, help=about)
        self._module = module

    def load(self) -> click.Command:
        """Import the command itself."""
        module = import_module(f"xml_pipeline.cli.commands.{self._module}")
        command: click.Command = getattr(module, str(self.name).replace("-", "_"))
        return command

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Hand the arguments over to the command itself."""
        return self.load().make_context(info_name, args, parent, **extra)


class Program(click.Group):
    """All commands, listed under their titles."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each title."""
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, about) for name, (_, about) in commands.items()])


def _install_completion(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        completion = import_module("xml_pipeline.cli.completion")
        completion.install(program)
        ctx.exit()


program = Program(
    NAME,
    commands=[
        Deferred(name, module, about)
        for commands in COMMANDS.values()
        for name, (module, about) in commands.items()
    ],
    help="Run agents as listeners on an XML message pump.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 something needed is"
    " missing or does not answer, 130 Ctrl-C, 143 SIGTERM.",
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[
        click.Option(
            ["--install-completion"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_install_completion,
            help="Install tab completion for your shell.",
        )
    ],
)
