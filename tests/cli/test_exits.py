"""How a command ends says what kind of trouble it was."""

from __future__ import annotations

import pytest

from xml_pipeline.cli.exits import retold
from xml_pipeline.errors import (
    ConfigError,
    HandlerFailed,
    MissingExtra,
    PluginNotFound,
    XmlPipelineError,
)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError(("a.yaml:1:1: no", "a.yaml:2:1: no")), 2, "a.yaml:1:1: no\na.yaml:2:1: no"),
        (PluginNotFound("no such tool"), 2, "Error: no such tool"),
        (MissingExtra("install it"), 3, "Error: install it"),
        (XmlPipelineError("it failed"), 1, "Error: it failed"),
        (HandlerFailed("it failed", code="handler", id="f1"), 1, "Error: it failed (fault f1)"),
    ],
)
def test_an_error_has_its_exit_code_and_its_words(
    error: XmlPipelineError, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = retold(error)
    told.show()
    assert told.exit_code == code
    assert capsys.readouterr() == ("", f"{words}\n")
