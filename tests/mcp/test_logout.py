"""Logging out of MCP servers: tokens are gone here, and taken back where they came from."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mcp.house import ROOT, approve, asked, written
from tests.mcp.logins import entered, portal, server_of
from xml_pipeline import Organism
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.logout import log_out
from xml_pipeline.mcp.stored import read_login, write_login

KNOWN = {"client_id": "ours", "client_secret": "canary"}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


async def ran(*words: str) -> tuple[int | None, str]:
    """Run a command, and return its exit code and what it has said beside its result."""
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "xml_pipeline", *words, stderr=asyncio.subprocess.PIPE, cwd=ROOT
    )
    _, told = await command.communicate()
    return command.returncode, told.decode()


async def test_both_tokens_are_taken_back_and_nothing_is_kept(tmp_path: Path) -> None:
    async with portal() as place:
        place.revokes = True
        kept = await entered(place, tmp_path)
        token, refresh = next(iter(place.taken)), place.refresh
        assert await log_out("box", server_of(place), tmp_path) == "everywhere"
        assert not kept.exists()
        assert place.taken == set()
        who = {"client_id": "registered", "authorization": ""}
        assert place.revoked == [
            {"token": refresh, "token_type_hint": "refresh_token", **who},
            {"token": token, "token_type_hint": "access_token", **who},
        ]
        assert await log_out("box", server_of(place), tmp_path) == "nobody"


async def test_a_client_with_a_secret_says_there_who_it_is(tmp_path: Path) -> None:
    async with portal() as place:
        place.revokes = True
        known = {**KNOWN, "issuer": place.url}
        kept = await entered(place, tmp_path, **known)
        login = read_login(kept)
        assert login is not None
        write_login(kept, replace(login, refresh_token=""))
        assert await log_out("box", server_of(place, **known), tmp_path) == "everywhere"
        assert [each["authorization"] for each in place.revoked] == ["Basic b3VyczpjYW5hcnk="]


async def test_where_nothing_takes_tokens_back_they_are_forgotten(tmp_path: Path) -> None:
    async with portal() as place:
        kept = await entered(place, tmp_path)
        assert await log_out("box", server_of(place), tmp_path) == "here"
        assert not kept.exists()
        assert place.revoked == []


async def test_what_cannot_be_read_is_removed(tmp_path: Path) -> None:
    async with portal() as place:
        kept = await entered(place, tmp_path)
        kept.write_text("{", encoding="utf-8")
        assert await log_out("box", server_of(place), tmp_path) == "here"
        assert not kept.exists()


@pytest.mark.parametrize("how", ["refused", "nobody there"])
async def test_what_was_not_taken_back_is_gone_here_and_that_is_told(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with portal() as place:
        place.revokes = True
        kept = await entered(place, tmp_path)
        login = read_login(kept)
        assert login is not None
        if how == "refused":
            place.refuses = True
            why = "has refused that (401)"
        else:
            write_login(kept, replace(login, revoke_url="http://127.0.0.1:9/"))
            why = "cannot be reached"
        with pytest.raises(ServerFailed) as failed:
            await log_out("box", server_of(place), tmp_path)
    assert str(failed.value).endswith(f"its authorization server {why}")
    assert not kept.exists()
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("xml_pipeline")]
    assert "canary" not in "\n".join((str(failed.value), *ours))


async def test_an_organism_that_runs_gets_in_no_more(tmp_path: Path) -> None:
    async with portal() as place:
        await entered(place, tmp_path)
        file = written(tmp_path, box=place.config())
        await approve(file)
        async with Organism.load(file) as running:
            assert (await running.ask("box.add", asked(running, "box.add", a=1))).text == "2"
            await log_out("box", server_of(place), tmp_path)
            answer = await running.ask("box.add", asked(running, "box.add", a=1))
    assert "box was not called: nobody has logged in there" in answer.message


async def test_a_login_that_is_renewed_while_somebody_logs_out_is_not_kept(tmp_path: Path) -> None:
    async with portal() as place:
        kept = await entered(place, tmp_path)
        file = written(tmp_path, box=place.config())
        await approve(file)
        login = read_login(kept)
        assert login is not None
        write_login(kept, replace(login, until=1.0))
        place.meanwhile = kept.unlink
        async with Organism.load(file) as running:
            answer = await running.ask("box.add", asked(running, "box.add", a=1))
    assert "box was not called: somebody has logged out" in answer.message
    assert not kept.exists()


async def test_the_command_says_what_has_become_of_the_tokens(tmp_path: Path) -> None:
    async with portal() as place:
        file = written(tmp_path, box=place.config())
        arguments = ("mcp", "logout", str(file), "box")
        place.revokes = True
        await entered(place, tmp_path)
        assert await ran(*arguments) == (0, "Logged out of box, and its tokens were taken back.\n")
        assert await ran(*arguments) == (0, "Nobody had logged in to box.\n")
        await entered(place, tmp_path)
        place.refuses = True
        code, told = await ran(*arguments)
        assert code == 1
        assert told.startswith("Error: the tokens for box are gone here")
