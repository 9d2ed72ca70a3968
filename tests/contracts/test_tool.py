"""What every built-in tool does, whatever it does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.house.source import ROOT
from tests.tools.parts import HEADER, calls, organism_of, tool
from xml_pipeline import Listener, Organism
from xml_pipeline.errors import ConfigError
from xml_pipeline.payload import codec_of
from xml_pipeline.tool_error import ToolError

SETTINGS: Mapping[str, str] = {
    "bash": "",
    "calculate": "",
    "edit": "",
    "glob": "",
    "grep": "",
    "json_to_xml": "",
    "key_value": "",
    "list": "",
    "patch": "",
    "question": "",
    "read": "",
    "skill": "",
    "todoread": "",
    "todowrite": "",
    "webfetch": "",
    "websearch": "",
    "write": "",
    "xml_extract": "",
    "xml_to_json": "",
}
"""Each tool, with the settings that it cannot do without."""


def organism(folder: Path, name: str, more: str = "") -> Organism:
    """Return an organism of one tool; ``more`` are further keys of its listener."""
    said = tool(name, SETTINGS[name])
    return organism_of(folder, said.replace("description", f"{more}description"))


@pytest.fixture(params=SETTINGS)
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of the tools, with the key that one of them needs."""
    monkeypatch.setenv("EXA_API_KEY", "a key")
    return str(request.param)


def listener(folder: Path, name: str) -> Listener:
    """Return a tool's listener."""
    [found] = [each for each in organism(folder, name).listeners if each.name == name]
    return found


def test_all_tools_are_held_to_this_contract() -> None:
    files = (ROOT / "xml_pipeline" / "tools").glob("*.py")
    assert sorted(SETTINGS) == sorted(
        each.stem for each in files if "\ndef configured(" in each.read_text()
    )


COMPUTING = {"calculate", "json_to_xml", "xml_extract", "xml_to_json"}


def test_it_acts_outside_unless_its_answer_depends_on_the_question_only(
    tmp_path: Path, name: str
) -> None:
    assert listener(tmp_path, name).acts_outside == (name not in COMPUTING)


def test_it_takes_one_payload_of_its_own_and_answers_with_another_or_an_error(
    tmp_path: Path, name: str
) -> None:
    found = listener(tmp_path, name)
    [takes] = found.codecs.values()
    answer, error = found.outputs
    assert error is ToolError
    assert takes.cls is not answer
    for each in (takes.cls, answer):
        assert each.__module__.startswith("xml_pipeline.tools.")
        assert (each.__doc__ or "").strip()


def test_a_model_can_be_shown_what_it_takes(tmp_path: Path, name: str) -> None:
    [takes] = listener(tmp_path, name).codecs.values()
    schema: dict[str, Any] = takes.json_schema()
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert takes.from_xml(takes.example_xml())


def test_a_setting_that_it_does_not_know_is_refused_with_its_name(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigError, match="`no_such_setting`"):
        organism_of(tmp_path, tool(name, "{no_such_setting: 1}"))


@pytest.mark.parametrize("key", ["payload_class", "output_class"])
def test_it_cannot_be_given_other_payloads(tmp_path: Path, name: str, key: str) -> None:
    with pytest.raises(ConfigError, match="has payloads of its own"):
        organism(tmp_path, name, f"{key}: xml_pipeline.tool_error:ToolError, ")


async def test_what_does_not_fit_its_schema_never_reaches_it(tmp_path: Path, name: str) -> None:
    async with organism(tmp_path, name) as running:
        [takes] = listener(tmp_path, name).codecs.values()
        [told] = await calls(running, (name, f"<{takes.tag}><no/></{takes.tag}>".encode()))
    assert told.kind == "SystemError"


def test_it_is_described_in_the_guide(name: str) -> None:
    assert f"`tools:{name}`" in (ROOT / "docs" / "tools.md").read_text()


def test_settings_of_what_is_no_tool_are_refused(tmp_path: Path) -> None:
    other = "  - {name: a, description: b, handler: handlers.hello:greet, tool: {x: 1}}\n"
    with pytest.raises(ConfigError, match="a is no built-in tool"):
        organism_of(tmp_path, other, header=HEADER)


def test_an_error_is_written_whatever_is_in_it() -> None:
    assert codec_of(ToolError).to_xml(ToolError("x" * 100_000))
