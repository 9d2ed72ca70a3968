"""An organism file to plain data.

The rule of this file: nothing in an organism file makes Python run, recurse or grow without
bound. It is read by the pure-Python safe loader (the C loader crashes on deep nesting), under
caps on size, depth, aliases and values.
"""

from __future__ import annotations

from pathlib import Path

import yaml
from yaml.nodes import Node
from yaml.reader import ReaderError

from xml_pipeline.config.document import Document
from xml_pipeline.config.environment import Environment
from xml_pipeline.config.yaml_values import MOST_LEVELS, build_document
from xml_pipeline.errors import ConfigError

MOST_BYTES = 256 * 1024
MOST_ALIASES = 100

_PLAIN_WORDS = (
    ("cannot start any token", "this character begins no value; if it is text, quote it"),
    (
        "mapping values are not allowed",
        'unexpected ":"; quote a text that has ": " in it, or look for a lost ":" or a wrong'
        " indentation above",
    ),
    ("could not find expected ':'", 'a key without ":", or a text that has to be quoted'),
    ("expected <block end>", "the indentation does not match the lines above"),
    ("expected a single document", 'a file holds one organism: "---" begins a second one'),
    ("found undefined alias", "an alias (`*name`) without an anchor (`&name`) before it"),
    ("while scanning a quoted scalar", "a quote is opened and not closed"),
    ("expected ',' or", "a `[` or `{` is not closed, or an item has to be quoted"),
)


def read_document(file: Path, environment: Environment, begins: str = "`listeners:`") -> Document:
    """Read a YAML file; ConfigError if there is no data to go on with.

    ``begins`` is how such a file begins, for whoever has an empty one.
    """
    text = _read_text(file)
    try:
        root = _compose(text)
    except yaml.MarkedYAMLError as error:
        raise _unusable(_syntax_problem(file, text, error)) from None
    except ReaderError as error:
        place = _after(file, text[: error.position])
        raise _unusable(f"{place}: the character U+{error.character:04X} is not allowed") from None
    document = build_document(str(file), root, environment) if root else None
    if document is None or document.data is None:
        raise _unusable(f"{file}:1:1: the file is empty; begin it with {begins}")
    return document


def _unusable(problem: str) -> ConfigError:
    """Return the refusal of a file that cannot be read further."""
    return ConfigError((problem,))


def _read_text(file: Path) -> str:
    """Return the text of a file; ConfigError says why there is none, and what to do."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise _unusable(f"{file}: {_why_unreadable(file, error)}") from None
    if len(content) > MOST_BYTES:
        raise _unusable(f"{file}: the file has more than {MOST_BYTES // 1024} kB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _after(file, content[: error.start].decode("utf-8"))
        raise _unusable(f"{place}: this is not UTF-8; save the file as UTF-8") from None


def _why_unreadable(file: Path, error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return f"this is a directory; name the file in it, as in {file / 'organism.yaml'}"
    if isinstance(error, FileNotFoundError):
        return "there is no such file; `xml-pipeline new DIR` makes a project with one"
    return f"cannot be read: {error.strerror}"


def _after(file: Path, before: str) -> str:
    """Return ``file:line:column`` of what follows the text ``before``."""
    return f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


class _CappedLoader(yaml.SafeLoader):
    """The pure-Python safe loader, with a cap on nesting and on aliases."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.levels = 0
        self.aliases = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Compose one node; MarkedYAMLError where a cap is reached."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        self.aliases += isinstance(event, yaml.AliasEvent)
        self.levels += 1
        if self.levels > MOST_LEVELS or self.aliases > MOST_ALIASES:
            what = "levels of nesting" if self.levels > MOST_LEVELS else "aliases"
            most = MOST_LEVELS if self.levels > MOST_LEVELS else MOST_ALIASES
            raise yaml.MarkedYAMLError(
                problem=f"there are more than {most} {what}", problem_mark=event.start_mark
            )
        node = super().compose_node(parent, index)
        self.levels -= 1
        return node


def _compose(text: str) -> Node | None:
    loader = _CappedLoader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _syntax_problem(file: Path, text: str, error: yaml.MarkedYAMLError) -> str:
    """Return the loader's complaint with its place, in words that help."""
    mark = error.problem_mark or error.context_mark
    said = " ".join(filter(None, (error.context, error.problem)))
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    written = lines[line] if line < len(lines) else ""
    indent = written[: len(written) - len(written.lstrip())]
    if written[column : column + 1] == "\t" or "\t" in indent:
        words = "a tab: YAML is indented with spaces"
    elif "${" in written and "cannot start any token" not in said:
        words = 'this cannot be read; put the value with its "${…}" in quotes'
    else:
        words = next((plain for mark, plain in _PLAIN_WORDS if mark in said), said)
    return f"{file}:{line + 1}:{column + 1}: {words}"
