"""A provider that answers from a script: for tests, for examples, and without any key.

A script is a list of replies. One that says ``when`` answers whenever that is found in the last
message of the other side, the first such one before all others; the rest come in their order,
one for each turn. ``model: scripted:plays/ada.yaml`` reads a script in a file, seen from the
organism's; ``.yaml`` may be left out::

    - calls: [{name: search, arguments: {query: weather}}]
    - text: It will rain.
    - when: /sun|moon/
      error: rate_limit
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from xml_pipeline.config.environment import Environment
from xml_pipeline.llm import tokens
from xml_pipeline.llm.base import (
    Block,
    Completion,
    Hear,
    Message,
    Request,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    Usage,
    unheard,
)
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.script import Line, Reply, answer, read_script
from xml_pipeline.llm.wiring import Wiring

SUFFIX = ".yaml"
Stamp = tuple[int, int] | None
"""When a file was changed and how long it is, None where it is not there."""

_WORDS = re.compile(r"\s*\S+|\s+\Z")


class ScriptedProvider:
    """Answers from a script that is given in Python.

    A line is what a file may say (``Reply``), or words, or a ``Completion``, or a function that
    makes one of these of a request; a function is asked at every request, like a reply with a
    ``when``, and answers None where it has nothing to say. After the last line: ProviderError.
    """

    def __init__(self, *lines: Line) -> None:
        self._lines = lines

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Say what the script has for this request."""
        return await _perform(answer(self._lines, request), request, hear)

    async def aclose(self) -> None:
        """Close nothing: there is nothing open."""


class ScriptFiles:
    """Answers from the script whose file the request names as its model."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = Environment(environment)
        self._scripts: dict[str, tuple[Reply, ...]] = {}
        self._read: dict[Path, Stamp] = {}

    @property
    def outdated(self) -> bool:
        """Tell whether a script has changed since it was read."""
        return any(_stamp(file) != stamp for file, stamp in self._read.items())

    def script(self, name: str) -> tuple[Reply, ...]:
        """Return a script, read once; ConfigError says what is wrong with it, and where."""
        if name not in self._scripts:
            file = self._folder / name
            if not file.suffix and not file.exists():
                file = file.with_suffix(SUFFIX)
            self._read[file] = _stamp(file)
            self._scripts[name] = read_script(file, self._environment)
        return self._scripts[name]

    def check_model(self, model: str) -> None:
        """Refuse a script that cannot be read, with ConfigError."""
        self.script(model)

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Say what the script has for this request."""
        return await _perform(answer(self.script(request.model), request), request, hear)

    async def aclose(self) -> None:
        """Close nothing: there is nothing open."""


def _stamp(file: Path) -> Stamp:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def configured(wiring: Wiring) -> ScriptFiles:
    """Return a provider of the scripts below the organism's folder."""
    return ScriptFiles(wiring.folder, wiring.environment)


async def _perform(found: Reply | Completion, request: Request, hear: Hear) -> Completion:
    """Say a reply word by word, then return it whole; ProviderError where it is an error."""
    reply = found if isinstance(found, Reply) else Reply()
    completion = found if isinstance(found, Completion) else _completion(reply, request)
    await asyncio.sleep(reply.delay)  # Also where there is none: others have their turn.
    if hear is not unheard:
        await _say(completion.message, hear)
    if reply.error is not None:
        usage = completion.usage if reply.text or reply.thinking or reply.usage else Usage()
        words = f"the script says {reply.error}"
        raise ProviderError(reply.error, words, retry_after=reply.retry_after, usage=usage)
    return completion if completion.model else replace(completion, model=request.model)


def _completion(reply: Reply, request: Request) -> Completion:
    turn = sum(each.role == "assistant" for each in request.messages)
    blocks: list[Block] = []
    if reply.thinking:
        blocks.append(Thinking(reply.thinking))
    if reply.text:
        blocks.append(Text(reply.text))
    for index, call in enumerate(reply.calls):
        blocks.append(ToolCall(f"call_{turn}_{index}", call.name, call.arguments))
    message = Message("assistant", tuple(blocks))
    estimated = Usage(tokens.of_request(request), tokens.of_output(message))
    return Completion(
        message=message,
        usage=reply.usage or estimated,
        stop=reply.stop or ("tool_use" if reply.calls else "end_turn"),
        model=request.model,
    )


async def _say(message: Message, hear: Hear) -> None:
    for block in message.blocks:
        if isinstance(block, Text | Thinking):
            delta = TextDelta if isinstance(block, Text) else ThinkingDelta
            for word in _WORDS.findall(block.text):
                hear(delta(word))
                await asyncio.sleep(0)
