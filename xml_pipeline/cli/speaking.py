"""How what agents say looks on a screen: the one that is asked plainly, others by their names."""

from __future__ import annotations

import json
from typing import Any

import click

from xml_pipeline.cli.client import ServerEvent
from xml_pipeline.cli.output import printable

_SHORT = 160


class Speaker:
    """Shows the events of a conversation with ``agent`` while they come.

    Words go to stdout, what is done beside them to stderr; if it is ``verbose``, all of it goes
    there, as JSON lines.
    """

    def __init__(self, agent: str, *, verbose: bool = False) -> None:
        self._agent = agent
        self._verbose = verbose
        self._at = ""
        self.spoke = False

    def show(self, event: ServerEvent) -> None:
        """Show one event."""
        said = event.data
        if self._verbose:
            click.echo(json.dumps({"event": event.type, **said}), err=True)
        elif event.type == "AgentText":
            self._speak(said)
        elif event.type == "AgentEvent":
            self._tell(said["step"], said["agent"], said["about"])

    def end(self) -> None:
        """End the line, if one was begun."""
        if self._at:
            click.echo()
        self._at = ""

    def _speak(self, said: Any) -> None:
        if said["kind"] == "restart":
            self._remark(f"{said['agent']} begins again: {said['text']}")
            return
        if said["kind"] == "thinking":
            return
        if said["agent"] != self._at:
            self.end()
            self._at = said["agent"]
            if said["agent"] != self._agent:
                click.secho(f"[{printable(said['agent'])}] ", dim=True, nl=False)
        self.spoke = self.spoke or said["agent"] == self._agent
        click.echo(printable(said["text"]), nl=False)

    def _tell(self, step: str, agent: str, about: Any) -> None:
        match step:
            case "turn_started":
                self.spoke = self.spoke and agent != self._agent
            case "tool_call_started":
                self._remark(f"{agent} → {about['name']} {about['arguments']}")
            case "tool_call_completed" if about["is_error"]:
                self._remark(f"{agent} ← {about['name']} failed: {about['content']}")
            case "approval_requested":
                self._remark(f"{agent} asks leave for {about['tool']}: {about['payload']}")
            case "approval_decision":
                word = "allowed" if about["allowed"] else "denied"
                self._remark(f"{about['tool']}: {word}, by {about['by']}")
            case "retry_attempt":
                self._remark(f"{agent}: {about['why']}; again in {about['delay']:.1f} s")
            case "run_failed":
                self._remark(f"{agent} failed: {about['why']}")

    def _remark(self, text: str) -> None:
        self.end()
        line = printable(text).replace("\n", " ")
        cut = line if len(line) <= _SHORT else f"{line[:_SHORT]}…"
        click.secho(cut, dim=True, err=True)
