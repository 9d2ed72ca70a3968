#!/usr/bin/env python
"""Writes docs/configuration.md from the configuration models.

Run it after a change to the models; a test compares the page with what it would write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xml_pipeline.config import OrganismConfig

PAGE = Path(__file__).with_name("configuration.md")

SHAPES = {"": "section", "[]": "list of sections", ".*": "section of names and sections"}

INTRODUCTION = """\
# Configuration

<!-- Written by docs/generate_configuration.py from the models: change those, not this page. -->

An organism is described by one YAML file, usually `organism.yaml`. Whatever is not written has the
default given here.

```yaml
organism:
  name: hello
listeners:
  - name: greeter
    description: Greets people.
    payload_class: handlers.hello:Greeting
    handler: handlers.hello:greet
    peers: [shouter]
  - name: shouter
    description: Says it louder.
    payload_class: handlers.hello:Shout
    handler: handlers.hello:shout
```

`xml-pipeline check organism.yaml` reports everything that is wrong at once, each with file, line
and column: one mistake hides no other. A misspelt key is read as the one that was meant, and what
the file names is imported even if something else in it is wrong. `xml-pipeline schema config`
prints the JSON Schema, with which an editor completes and checks the file while you type: save it
beside the file as `organism.schema.json`, and begin the file with

```yaml
# yaml-language-server: $schema=organism.schema.json
```

## Rules

- **Unknown keys are refused**, and so are keys that are written twice. A key with nothing behind it
  counts as not written.
- **Values are taken as they are written**: `"5"` is text, `5` is a number. Where YAML 1.1 would
  surprise you (`on:` as a key, `12:30`, `010`, dates), the file is refused with the remedy.
- **Environment.** `${NAME}` and `${NAME:-default}` are replaced in values, never in keys; the
  default also stands in for an empty variable, and `$$` is one `$`. A value that is nothing but an
  unquoted `${NAME}` is read as if its text stood there, so `port: ${PORT}` is a number; in quotes,
  or with other text around it, it is text. Variables come from the environment, then from the
  `.env` beside the file, then from the `.env` in the working directory.
- **Names** of listeners and groups have letters, digits, `_`, `-` and single dots, at most 100
  characters, begin with a letter or `_`, and are unique regardless of capitals. `system` and
  `outside` are the first part of no name of yours.
- **Import paths** are `package.module:name` or `package.module.name`, below a package in
  `allow_imports`. Path and file are checked before anything is imported; names with two leading
  underscores, links that lead out of the package, and objects that the module itself imported from
  elsewhere are refused.
- **Peers**: a listener may always answer and address itself; anyone else must be listed. The
  system listeners `system.blackboard`, `system.boot`, `system.buffer`, `system.sequence`,
  `system.sequence.factory`, `system.squad`, `system.timer`, `system.todo` and
  `system.todo-complete` are there in every organism. So is `system.approval`, which only
  the pump addresses ([permissions and approvals](approvals.md)).
- **Size**: at most 256 kB, 32 levels of nesting, 100 aliases.

Durations are seconds, sizes are bytes, money is US dollars.

"""


def configuration_page() -> str:
    """Return the reference page, as Markdown."""
    schema = OrganismConfig.model_json_schema()
    sections = schema["$defs"]
    parts = [INTRODUCTION, "## The file\n\n", table(schema, sections)]
    for key, name in sorted(named_sections(schema, sections), key=lambda each: each[0]):
        about = sections[name]["description"].partition("\n")[0]
        parts.append(f"\n## `{key}`\n\n{about}\n\n{table(sections[name], sections)}")
    return "".join(parts)


def named_sections(schema: Mapping[str, Any], sections: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return, for each section, the key it stands under and the name of its model."""
    found: set[tuple[str, str]] = set()
    for key, value in schema["properties"].items():
        name, shape = section_in(value)
        if name:
            path = f"{key}{shape}"
            inner = named_sections(sections[name], sections)
            found |= {(path, name)} | {(f"{path}.{each}", of) for each, of in inner}
    return found


def section_in(value: Mapping[str, Any]) -> tuple[str, str]:
    """Return the model that a value is, lists or names, or an empty name; and which of them.

    That is what is written behind its key: ``[]`` for a list, ``.*`` for what has names.
    """
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2], ""
    if value.get("type") == "array":
        return section_in(value["items"])[0], "[]"
    for each in (value.get("additionalProperties"), *value.get("patternProperties", {}).values()):
        if isinstance(each, dict):
            return section_in(each)[0], ".*"
    choices = (section_in(each) for each in value.get("anyOf", ()))
    return next((each for each in choices if each[0]), ("", ""))


def table(section: Mapping[str, Any], sections: Mapping[str, Any]) -> str:
    """Return the keys of one section as a table."""
    head = "| key | value | default | meaning |\n|---|---|---|---|\n"
    required = section.get("required", ())
    rows = (
        (f"`{key}`", kind(value), default(value, key in required), meaning(value, sections))
        for key, value in section["properties"].items()
    )
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def meaning(value: Mapping[str, Any], sections: Mapping[str, Any]) -> str:
    """Return what a key is for; a section that says the same as its key says it only once."""
    return str(value.get("description") or sections[section_in(value)[0]]["description"])


def kind(value: Mapping[str, Any]) -> str:
    """Say in words what may stand there."""
    model, shape = section_in(value)
    if model:
        return SHAPES[shape]
    if "anyOf" in value:
        return " or ".join(kind(each) for each in value["anyOf"] if each.get("type") != "null")
    if "enum" in value:
        return " or ".join(f"`{each}`" for each in value["enum"])
    if value["type"] == "array":
        each = kind(value["items"])
        return f"list, each {each}" if " or " in each else f"list of {each}s"
    words = {
        "boolean": "`true` or `false`",
        "integer": "whole number",
        "object": "section of names and texts",
        "string": "text",
    }
    return ", ".join([words.get(value["type"], value["type"]), *bounds(value)])


def bounds(value: Mapping[str, Any]) -> Iterator[str]:
    """Say between which bounds a number lies."""
    words = {"exclusiveMinimum": "more than", "minimum": "at least", "maximum": "at most"}
    yield from (f"{words[key]} {value[key]}" for key in words if key in value)


def default(value: Mapping[str, Any], is_required: bool) -> str:
    """Say what holds where the key is not written."""
    if is_required:
        return "*required*"
    if section_in(value)[0] or value.get("default") in (None, ""):
        return ""
    return f"`{json.dumps(value['default'])}`"


if __name__ == "__main__":
    PAGE.write_text(configuration_page(), encoding="utf-8")
