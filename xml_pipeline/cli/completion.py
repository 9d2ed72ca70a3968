"""Tab completion, put where bash, zsh and fish look for it by themselves."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from xml_pipeline.cli.exits import Failed

VARIABLE = "_XML_PIPELINE_COMPLETE"


def install(program: click.Command) -> None:
    """Write the completion script for the shell in ``$SHELL``, and say what to do next."""
    shell = Path(os.environ.get("SHELL", "")).name
    kind = get_completion_class(shell)
    if kind is None or shell not in ("bash", "zsh", "fish"):
        raise Failed(f"there is completion for bash, zsh and fish, not for {shell or 'no shell'}")
    name = str(program.name)
    script, next_step = _place(shell, name)
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(kind(program, {}, name, VARIABLE).source(), encoding="utf-8")
    click.echo(f"{script}\n{next_step}")


def _place(shell: str, name: str) -> tuple[Path, str]:
    """Return where a shell looks for the completion of a command, and the user's next step."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    if shell == "bash":
        place = data / "bash-completion" / "completions" / name
        return place, "Open a new shell. Needs the package bash-completion."
    if shell == "fish":
        return config / "fish" / "completions" / f"{name}.fish", "Open a new shell."
    folder = data / "zsh" / "site-functions"
    return folder / f"_{name}", f"Put this above `compinit` in .zshrc: fpath+=({folder})"
