"""A script: what the scripted provider says, and which of it answers a request.

The rule it guards: *what is answered is read off the request alone*. It is counted how often the
model has spoken in the conversation it is shown, and nothing is remembered; so a script serves
many conversations side by side, and goes on properly after a restart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeGuard

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from xml_pipeline.config.environment import Environment
from xml_pipeline.config.values import AList, NotBlank, Section
from xml_pipeline.config.yaml_source import read_document
from xml_pipeline.errors import ConfigError
from xml_pipeline.llm.base import (
    Completion,
    Message,
    Request,
    StopReason,
    Text,
    ToolResult,
    Usage,
)
from xml_pipeline.llm.errors import ProviderError, Reason
from xml_pipeline.names import did_you_mean

_COUNTS = tuple(Usage.__dataclass_fields__)


def _usage(value: object) -> object:
    """Return what is counted, from ``input: 5, output: 7`` as a file has it."""
    if not isinstance(value, Mapping):
        return value
    if all(key in _COUNTS and type(count) is int and count >= 0 for key, count in value.items()):
        return Usage(**value)
    raise ValueError(f"counts tokens, in whole numbers: {', '.join(_COUNTS)}")


def _findable(text: str) -> str:
    """Return a text to look for; ValueError where it is no regular expression."""
    try:
        _pattern(text)
    except re.error as error:
        raise ValueError(f"{text} is no regular expression: {error}") from None
    return text


def _pattern(text: str) -> re.Pattern[str]:
    is_regex = len(text) > 2 and text[0] == text[-1] == "/"
    return re.compile(text[1:-1] if is_regex else re.escape(text), re.IGNORECASE)


class Call(Section):
    """A call of a function that is in a script."""

    name: NotBlank
    arguments: dict[str, Any] = Field(default={})


class Reply(Section):
    """One answer of a script: it is thought, then said, then called.

    ``when`` is a text, or a regular expression between slashes, capitals alike: the reply is
    given whenever the last message, or a result in it, has that. With an ``error`` the call
    fails after what is said. ``delay`` is in seconds; ``usage`` is estimated if it is not given.
    """

    when: Annotated[str, AfterValidator(_findable)] | None = None
    thinking: str = ""
    text: str = ""
    calls: Annotated[tuple[Call, ...], AList] = ()
    stop: StopReason | None = None
    error: Reason | None = None
    retry_after: Annotated[float, Field(ge=0.0)] | None = None
    delay: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.0
    usage: Annotated[Usage | None, BeforeValidator(_usage)] = None

    def fits(self, heard: str) -> bool:
        """Tell whether it answers this, whatever turn it is."""
        return self.when is not None and _pattern(self.when).search(heard) is not None


Answered = Reply | Completion | str
Line = Answered | Callable[[Request], Answered | None]
"""A reply, words, a whole completion, or what makes one of a request, or None: not that one."""

_SCRIPT: TypeAdapter[tuple[Reply, ...]] = TypeAdapter(Annotated[tuple[Reply, ...], AList])


def read_script(file: Path, environment: Environment) -> tuple[Reply, ...]:
    """Read a script; ConfigError lists everything that is wrong with it."""
    if not file.exists():
        raise ConfigError(
            (f"{file}: there is no such script; it is a file with a list of replies",)
        )
    document = read_document(file, environment, begins="`- text:`")
    if document.problems:
        raise ConfigError(tuple(sentence for _, sentence in sorted(document.problems)))
    source = document.source
    if not isinstance(document.data, list):
        raise ConfigError((source.problem((), "a script is a list of replies"),))
    try:
        return _SCRIPT.validate_python(document.data)
    except ValidationError as error:
        problems = []
        for each in error.errors(include_url=False, include_input=False):
            path, is_unknown = each["loc"], each["type"] == "extra_forbidden"
            text = "unknown key" if is_unknown else each["msg"].removeprefix("Value error, ")
            known = Call.model_fields if "calls" in path else Reply.model_fields
            hint = did_you_mean(str(path[-1]), known) if is_unknown else ""
            problems.append(source.problem(path, text, hint=hint, at_key=is_unknown))
        raise ConfigError(tuple(problems)) from None


def answer(lines: Sequence[Line], request: Request) -> Reply | Completion:
    """Return what a script has for a request; ProviderError where it has nothing more."""
    found = next(_fitting(lines, request), None)
    if found is None:
        in_order = [each for each in lines if _waits_for_its_turn(each)]
        turn = sum(each.role == "assistant" for each in request.messages)
        if turn >= len(in_order):
            words = f"the script has nothing for turn {turn + 1}: it has {len(in_order)} in order"
            raise ProviderError("invalid", words)
        found = in_order[turn]
    return Reply(text=found) if isinstance(found, str) else found


def _fitting(lines: Sequence[Line], request: Request) -> Iterator[Answered]:
    """Yield what answers this very request, whatever turn it is."""
    heard = _last_heard(request.messages)
    for line in lines:
        if isinstance(line, Reply):
            if line.fits(heard):
                yield line
        elif not isinstance(line, Completion | str):
            made = line(request)
            if made is not None:
                yield made


def _waits_for_its_turn(line: Line) -> TypeGuard[Answered]:
    return line.when is None if isinstance(line, Reply) else isinstance(line, Completion | str)


def _last_heard(messages: Sequence[Message]) -> str:
    """Return the words of the other side's last message, results of calls included."""
    last = next((each for each in reversed(messages) if each.role == "user"), None)
    parts = []
    for block in last.blocks if last else ():
        if isinstance(block, Text):
            parts.append(block.text)
        elif isinstance(block, ToolResult):
            parts.append(block.content)
    return "\n".join(parts)
