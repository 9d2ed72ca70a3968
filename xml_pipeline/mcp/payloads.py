"""What MCP servers answer, and how their prompts and resources are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, MaxLen, MinLen

from xml_pipeline.payload import ABSENT, xmlify
from xml_pipeline.payload.raw import Absent, Json

Words = Annotated[str, MaxLen(4_000_000)]
Data = Annotated[bytes, MaxLen(4_000_000)]
Uri = Annotated[str, MinLen(1), MaxLen(4096)]
Name = Annotated[str, MinLen(1), MaxLen(1000)]
Key = Annotated[str, MaxLen(100)]


@xmlify
@dataclass(frozen=True, slots=True)
class Media:
    """A picture or a sound."""

    media_type: str
    data: Data


@xmlify
@dataclass(frozen=True, slots=True)
class Resource:
    """Something that a server has, by its address: text, or other data, or just where it is."""

    uri: str
    media_type: str = ""
    name: str = ""
    description: str = ""
    text: Words | None = None
    data: Data | None = None


@xmlify
@dataclass(frozen=True, slots=True)
class McpResult:
    """What a tool of an MCP server came to.

    ``text`` is all that can be read, with a word in brackets for each picture, sound and resource;
    ``structured`` is the same for programs, where the tool gives that.
    """

    text: Words = ""
    structured: Json | Absent = ABSENT
    media: tuple[Media, ...] = ()
    resources: tuple[Resource, ...] = ()


@xmlify
@dataclass(frozen=True, slots=True)
class ListPrompts:
    """Which prompts a server has."""


@xmlify
@dataclass(frozen=True, slots=True)
class GetPrompt:
    """One prompt of a server, filled in with these arguments."""

    name: Name
    arguments: dict[str, str] = field(default_factory=dict)


@xmlify
@dataclass(frozen=True, slots=True)
class ListResources:
    """Which resources a server has, and which patterns of them."""


@xmlify
@dataclass(frozen=True, slots=True)
class ReadResource:
    """One resource of a server, by its address."""

    uri: Uri


@xmlify
@dataclass(frozen=True, slots=True)
class SubscribeResource:
    """Whenever a resource changes, ``ResourceChanged`` is to be told, until that is undone."""

    uri: Uri


@xmlify
@dataclass(frozen=True, slots=True)
class UnsubscribeResource:
    """One who wanted to hear of a resource wants that no more."""

    uri: Uri


@xmlify
@dataclass(frozen=True, slots=True)
class Complete:
    """How an argument of a prompt, or of a pattern of addresses, may go on from ``value``.

    ``name`` is the prompt's, or the pattern; ``given`` are other arguments that are known by now.
    """

    kind: Literal["prompt", "resource"]
    name: Uri
    argument: Name
    value: Words = ""
    given: dict[str, str] = field(default_factory=dict)


@xmlify
@dataclass(frozen=True, slots=True)
class Completions:
    """Values that an argument can have, the likeliest first; ``total`` where there are more."""

    values: tuple[str, ...] = ()
    total: int | None = None


@xmlify
@dataclass(frozen=True, slots=True)
class Elicit:
    """A question to the person behind a client; ``schema`` is the form that its answer has.

    ``key`` is what it is called where several things are asked at once. Where the client cannot be
    asked, what is ``required`` has the whole call refused; all else is answered at once, with
    nothing. With a ``url`` there is no form: the person is to go there.
    """

    message: Words
    schema: Json
    key: Key = ""
    required: bool = False
    url: Annotated[str, MaxLen(4096)] = ""


@xmlify
@dataclass(frozen=True, slots=True)
class Elicited:
    """What that person did, and what they filled in."""

    action: Literal["accept", "decline", "cancel"]
    content: Json | Absent = ABSENT


@xmlify
@dataclass(frozen=True, slots=True)
class Sample:
    """A question to the language model of a client; ``messages`` are as MCP has them.

    ``key`` and ``required`` are as with Elicit.
    """

    messages: Json
    max_tokens: Annotated[int, Ge(1)] = 1000
    system_prompt: Words | None = None
    key: Key = ""
    required: bool = False


@xmlify
@dataclass(frozen=True, slots=True)
class Sampled:
    """What that model said; empty where there is none."""

    text: Words = ""
    model: str = ""


@xmlify
@dataclass(frozen=True, slots=True)
class ListRoots:
    """Which folders and files a client works on; ``key`` and ``required`` are as with Elicit."""

    key: Key = ""
    required: bool = False


@xmlify
@dataclass(frozen=True, slots=True)
class Root:
    """A folder or a file that a client works on, by its address."""

    uri: Uri
    name: str = ""


@xmlify
@dataclass(frozen=True, slots=True)
class Roots:
    """What a client works on; empty where it does not say."""

    roots: tuple[Root, ...] = ()
