"""Logging in to MCP servers with a browser, and getting in with that afterwards."""

from __future__ import annotations

import asyncio
import socket
import stat
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.mcp.house import ROOT, approve, asked, written
from tests.mcp.logins import Browser, Portal, entered, portal, server_of
from xml_pipeline import Organism
from xml_pipeline.config import McpServerConfig
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.login import log_in
from xml_pipeline.mcp.pinning import discover
from xml_pipeline.mcp.stored import Login, login_file, read_login, write_login
from xml_pipeline.tool_error import ToolError


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


def aged(file: Path, **changes: Any) -> None:
    """Change what is kept."""
    login = read_login(file)
    assert login is not None
    write_login(file, replace(login, **changes))


async def sum_of(folder: Path, place: Portal, **auth: Any) -> Any:
    file = written(folder, box=place.config(**auth))
    await approve(file)
    async with Organism.load(file) as running:
        return await running.ask("box.add", asked(running, "box.add", a=1))


async def test_whoever_logs_in_gets_in_from_then_on(tmp_path: Path) -> None:
    async with portal() as place:
        browser = Browser()
        kept = await log_in("box", server_of(place), tmp_path, browser.show)
        assert (await sum_of(tmp_path, place)).text == "2"
        assert len(browser.visited) == 1
    query = parse_qs(urlsplit(browser.visited[0]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["resource"] == [f"{place.url}/mcp"]
    assert query["redirect_uri"][0].startswith("http://127.0.0.1:")
    assert browser.pages == ["You have logged in: this window can be closed."]
    assert place.registered[0]["client_name"] == "xml-pipeline"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


async def test_a_token_that_has_grown_old_is_renewed_and_kept(tmp_path: Path) -> None:
    async with portal() as place:
        kept = await entered(place, tmp_path)
        aged(kept, until=time.time() + 1)
        before = len(place.forms)
        assert (await sum_of(tmp_path, place)).text == "2"
        form = place.forms[before]
        assert (form["grant_type"], form["client_id"]) == ("refresh_token", "registered")
        assert form["resource"] == f"{place.url}/mcp"
        assert len(place.forms) == before + 1
        login = read_login(kept)
        assert login is not None
        assert login.refresh_token == place.refresh


async def test_a_token_that_is_not_taken_any_more_is_renewed(tmp_path: Path) -> None:
    async with portal() as place:
        await entered(place, tmp_path)
        file = written(tmp_path, box=place.config())
        await approve(file)
        async with Organism.load(file) as running:
            place.taken.clear()
            assert (await running.ask("box.add", asked(running, "box.add", a=1))).text == "2"
            place.taken.clear()
            assert (await running.ask("box.add", asked(running, "box.add", a=1))).text == "2"


async def test_what_another_process_has_renewed_is_used(tmp_path: Path) -> None:
    async with portal() as place:
        kept = await entered(place, tmp_path)
        file = written(tmp_path, box=place.config())
        await approve(file)
        async with Organism.load(file) as running:
            await running.ask("box.add", asked(running, "box.add", a=1))
            place.taken = {"canary-newer"}
            aged(kept, access_token="canary-newer", refresh_token="spent")
            assert (await running.ask("box.add", asked(running, "box.add", a=1))).text == "2"


@pytest.mark.parametrize("how", ["nobody", "no refresh", "refused", "broken"])
async def test_without_a_login_nothing_is_called_and_whoever_asks_is_told_what_to_run(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with portal() as place:
        kept = await entered(place, tmp_path)
        file = written(tmp_path, box=place.config())
        await approve(file)
        if how == "nobody":
            kept.unlink()
        elif how == "no refresh":
            aged(kept, until=1.0, refresh_token="")
        elif how == "refused":
            aged(kept, until=1.0, refresh_token="canary-stolen")
        else:
            kept.write_text("{", encoding="utf-8")
        async with Organism.load(file) as running:
            answer = await running.ask("box.add", asked(running, "box.add", a=1))
    assert isinstance(answer, ToolError)
    assert "`xml-pipeline mcp login ORGANISM.YAML box`" in answer.message
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("xml_pipeline")]
    assert "canary" not in "\n".join((answer.message, *ours))


async def test_while_the_authorization_server_is_away_nobody_is_sent_to_log_in(
    tmp_path: Path,
) -> None:
    async with portal() as place:
        kept = await entered(place, tmp_path)
        file = written(tmp_path, box=place.config())
        await approve(file)
        aged(kept, until=1.0, token_url="http://127.0.0.1:9/")
        async with Organism.load(file) as running:
            answer = await running.ask("box.add", asked(running, "box.add", a=1))
    assert answer.message.endswith("its authorization server cannot be reached")


async def test_who_needs_a_token_that_is_good_for_more_is_told_what_to_run(tmp_path: Path) -> None:
    async with portal() as place:
        await entered(place, tmp_path)
        file = written(tmp_path, box=place.config())
        await approve(file)
        async with Organism.load(file) as running:
            await running.ask("box.add", asked(running, "box.add", a=1))
            place.needs = "mail:write"
            answer = await running.ask("box.add", asked(running, "box.add", a=1))
            command = "xml-pipeline mcp login ORGANISM.YAML box --scope 'mail:write'"
            assert answer.message.startswith("box refuses: it wants a token that is good for: mail")
            assert f"`{command}`" in answer.message
            place.needs = "it's; rm -rf ~"
            answer = await running.ask("box.add", asked(running, "box.add", a=1))
            assert "rm" not in answer.message
            place.needs = ""
            assert (await running.ask("box.add", asked(running, "box.add", a=1))).text == "2"


async def test_a_login_asks_for_the_scopes_that_are_wanted(tmp_path: Path) -> None:
    async with portal() as place:
        server = server_of(place, scope="mail:read mail:list")
        await log_in("box", server, tmp_path, Browser().show, scope="mail:write")
        await entered(place, tmp_path)
        assert place.asked == ["mail:read mail:list mail:write", ""]


async def test_who_we_are_may_be_told_by_the_address_of_a_document(tmp_path: Path) -> None:
    async with portal() as place:
        place.documents = True
        document = "https://us.example/client.json"
        kept = await entered(place, tmp_path, client_metadata=document)
        login = read_login(kept)
        assert login is not None
        assert login.client_id == document
        assert place.registered == []


async def test_the_command_shows_where_to_go_and_waits(tmp_path: Path) -> None:
    async with portal() as place:
        file = written(tmp_path, box=place.config())
        arguments = ("-m", "xml_pipeline", "mcp", "login", str(file), "box", "--no-browser")
        command = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stderr=asyncio.subprocess.PIPE, cwd=ROOT
        )
        assert command.stderr is not None
        line = (await command.stderr.readline()).decode()
        assert line.startswith("Log in at http://127.0.0.1:")
        Browser().show(line.removeprefix("Log in at ").strip())
        told = (await command.stderr.read()).decode()
        assert await command.wait() == 0
        assert told.startswith("Logged in to box: ")
        assert (await sum_of(tmp_path, place)).text == "2"


async def test_a_client_that_is_known_there_is_who_the_file_says(tmp_path: Path) -> None:
    async with portal() as place:
        known = {"client_id": "ours", "client_secret": "canary", "issuer": place.url}
        kept = await entered(place, tmp_path, **known)
        aged(kept, until=1.0)
        assert (await sum_of(tmp_path, place, **known)).text == "2"
        assert place.registered == []
        assert {form["authorization"] for form in place.forms} == {"Basic b3VyczpjYW5hcnk="}


async def test_a_client_that_is_known_elsewhere_is_not_named_here(tmp_path: Path) -> None:
    async with portal() as place:
        known = {"client_id": "ours", "client_secret": "canary", "issuer": "https://login.example"}
        with pytest.raises(ServerFailed, match="another authorization server"):
            await entered(place, tmp_path, **known)
        assert place.forms == []


async def test_a_login_that_is_refused_leaves_nothing(tmp_path: Path, state: Path) -> None:
    async with portal() as place:
        place.refuses = True
        with pytest.raises(ServerFailed, match="the login was refused"):
            await entered(place, tmp_path)
    assert not list(state.glob("mcp/*"))  # noqa: ASYNC240  # a folder of this test


async def test_an_answer_that_nobody_waits_for_counts_nothing(tmp_path: Path) -> None:
    pages: list[tuple[int, str]] = []
    browser = Browser()

    async def forge(address: str) -> None:
        query = parse_qs(urlsplit(address).query)
        back = query["redirect_uri"][0]
        async with httpx2.AsyncClient() as http:
            for forged in ("code=stolen&state=guessed", "code=stolen", "error=x&state=guessed"):
                said = await http.get(f"{back}?{forged}")
                pages.append((said.status_code, said.text))
            elsewhere = back.replace("/callback", "/other")
            state = query["state"][0]
            pages.append(((await http.get(f"{elsewhere}?code=x&state={state}")).status_code, ""))
        port = urlsplit(back).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"nonsense\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        browser.show(address)

    forging: list[asyncio.Task[None]] = []
    async with portal() as place:
        await log_in(
            "box",
            server_of(place),
            tmp_path,
            lambda address: forging.append(asyncio.create_task(forge(address))),
        )
    assert [status for status, _ in pages] == [400] * 4
    assert pages[0][1] == "This is not the login that is waited for."


async def test_a_server_that_asks_nobody_has_nothing_to_log_in_to(tmp_path: Path) -> None:
    async with portal() as place:
        place.taken.add("")  # Whoever brings no token gets in.
        with pytest.raises(ServerFailed, match="nothing to log in to"):
            await entered(place, tmp_path)


async def test_a_port_that_is_taken_is_told_of(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        config = McpServerConfig.model_validate(Portal("http://127.0.0.1:9").config())
        with pytest.raises(ServerFailed, match="cannot be listened on"):
            await log_in("box", config, tmp_path, Browser().show, port=door.getsockname()[1])


async def test_only_a_server_that_says_so_is_logged_in_to(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="authorization_code"):
        await log_in("box", McpServerConfig(url="http://127.0.0.1:9/mcp"), tmp_path, print)


async def test_nobody_is_asked_what_a_server_has_before_somebody_has_logged_in(
    tmp_path: Path,
) -> None:
    async with portal() as place:
        with pytest.raises(ServerFailed, match="nobody has logged in"):
            await discover("box", server_of(place), tmp_path)


def test_a_login_is_of_one_server_of_one_organism(tmp_path: Path) -> None:
    config = McpServerConfig(url="http://127.0.0.1:9/mcp")
    other = McpServerConfig(url="http://127.0.0.1:8/mcp")
    files = {
        login_file("box", config, tmp_path),
        login_file("bag", config, tmp_path),
        login_file("box", other, tmp_path),
        login_file("box", config, tmp_path / "other"),
    }
    assert len(files) == 4


def test_no_token_is_in_what_a_login_shows() -> None:
    shown = repr(Login("canary", 0.0, "canary", "https://login.example", "us", "canary"))
    assert "canary" not in shown
