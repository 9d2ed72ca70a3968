"""Plug-ins are found by room and name, and what is missing is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from xml_pipeline.catalogue import find
from xml_pipeline.errors import MissingExtra, PluginNotFound

OURS = """\
Metadata-Version: 2.4
Name: xml-pipeline
Version: 0
Provides-Extra: source
Provides-Extra: config
Provides-Extra: tokens
Provides-Extra: dev
Requires-Dist: pydantic
Requires-Dist: python-dotenv>=1; extra == 'dev'
Requires-Dist: pynothing.there[crypto]>=2; extra == 'tokens'
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for installed packages, with our own metadata in it."""
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "xml_pipeline-0", METADATA=OURS)
    return tmp_path


def install(site: Path, package: str, **files: str) -> None:
    folder = site / f"{package}.dist-info"
    folder.mkdir()
    name, _, version = package.partition("-")
    files.setdefault("METADATA", f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n")
    for file, text in files.items():
        (folder / file.replace("entry_points", "entry_points.txt")).write_text(text)


def offer(site: Path, package: str, *plugins: str) -> None:
    """Install a package that offers plug-ins for the room ``config``."""
    install(site, package, entry_points="\n".join(["[xml_pipeline.config]", *plugins]))


@pytest.fixture
def _without(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Make a package look as if it were not installed, and its user not yet imported."""
    missing, user = request.param
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, user, raising=False)


def test_a_plug_in_of_ours_is_a_module_in_its_room() -> None:
    assert find("config", "source").__name__ == "xml_pipeline.config.source"


def test_a_plug_in_that_is_not_there_is_answered_with_the_nearest() -> None:
    with pytest.raises(PluginNotFound) as refusal:
        find("config", "sourse")
    assert str(refusal.value) == 'config has no "sourse"; did you mean "source"?'


def test_a_room_that_is_not_there_has_nothing() -> None:
    with pytest.raises(PluginNotFound, match=r'^nowhere has no "shell"$'):
        find("nowhere", "shell")


def test_the_face_of_a_room_is_no_plug_in() -> None:
    with pytest.raises(PluginNotFound, match='config has no "base"'):
        find("config", "base")


@pytest.mark.parametrize(
    "name", ["", "a.b", "../a", "__init__", "_private", "a b", "A", "os:system", "a-b"]
)
def test_what_could_not_be_a_module_is_not_looked_for(name: str) -> None:
    with pytest.raises(PluginNotFound, match="is not a plug-in name"):
        find("config", name)
    with pytest.raises(PluginNotFound, match="is not a plug-in name"):
        find(name, "source")


def test_an_installed_package_offers_a_plug_in(site: Path) -> None:
    (site / "valkey_plugin.py").write_text("answer = 42\n")
    offer(site, "valkey_plugin-1", "valkey = valkey_plugin")
    assert find("config", "valkey").answer == 42
    with pytest.raises(PluginNotFound, match='did you mean "valkey"'):
        find("config", "valky")


def test_our_own_plug_in_comes_before_one_of_the_same_name(site: Path) -> None:
    offer(site, "other-1", "source = os")
    assert find("config", "source").__name__ == "xml_pipeline.config.source"


def test_one_name_for_two_plug_ins_is_refused(site: Path) -> None:
    offer(site, "one-1", "twice = json")
    offer(site, "two-1", "twice = csv")
    with pytest.raises(PluginNotFound, match="more than once: csv, json"):
        find("config", "twice")


@pytest.mark.parametrize("value", ["json:loads", "no_such_module_here"])
def test_an_offer_that_is_no_module_is_refused(site: Path, value: str) -> None:
    offer(site, "broken-1", f"broken = {value}")
    with pytest.raises(PluginNotFound, match=f'should be a module, but is "{value}"'):
        find("config", "broken")


def test_a_plug_in_that_needs_what_is_not_installed_names_the_extra(site: Path) -> None:
    (site / "tokens_plugin.py").write_text("import nothing_there.deep\n")
    offer(site, "tokens_plugin-1", "needy = tokens_plugin")
    with pytest.raises(MissingExtra) as refusal:
        find("config", "needy")
    assert str(refusal.value) == (
        'config "needy" needs "nothing_there": python -m pip install "xml-pipeline[tokens]"'
    )


@pytest.mark.usefixtures("site", "_without")
@pytest.mark.parametrize(
    "_without", [("dotenv.parser", "xml_pipeline.config.environment")], indirect=True
)
def test_an_extra_for_developers_is_not_proposed() -> None:
    with pytest.raises(MissingExtra, match=r'needs "dotenv\.parser": .* "xml-pipeline\[config\]"'):
        find("config", "environment")


@pytest.mark.usefixtures("site", "_without")
@pytest.mark.parametrize("_without", [("dataclasses", "xml_pipeline.config.source")], indirect=True)
def test_an_extra_of_the_plug_ins_own_name_is_proposed_first() -> None:
    with pytest.raises(MissingExtra, match=r'"xml-pipeline\[source\]"'):
        find("config", "source")


def test_without_an_extra_the_package_itself_is_named(site: Path) -> None:
    (site / "xml_pipeline-0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: xml-pipeline\nVersion: 0\n"
    )
    (site / "needy_plugin.py").write_text("import nothing_there.deep\n")
    offer(site, "needy_plugin-1", "needy = needy_plugin")
    with pytest.raises(MissingExtra, match=r"pip install nothing_there$"):
        find("config", "needy")


@pytest.mark.usefixtures("_without")
@pytest.mark.parametrize(
    "_without", [("xml_pipeline.errors", "xml_pipeline.config.yaml_values")], indirect=True
)
def test_a_module_of_ours_that_misses_another_is_our_mistake() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"xml_pipeline\.errors"):
        find("config", "yaml_values")


def test_in_a_source_tree_that_is_not_installed_the_package_itself_is_named(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (site / "xml_pipeline-0.dist-info").iterdir():
        file.unlink()
    (site / "xml_pipeline-0.dist-info").rmdir()
    (site / "needy_plugin.py").write_text("import nothing_there\n")
    offer(site, "needy_plugin-1", "needy = needy_plugin")
    monkeypatch.setattr(sys, "path", [str(site)])
    with pytest.raises(MissingExtra, match=r"pip install nothing_there$"):
        find("config", "needy")
