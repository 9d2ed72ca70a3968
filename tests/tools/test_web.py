"""Pages are fetched from the internet, and from nowhere else."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.parts import calls, organism_of, tool
from xml_pipeline.errors import ConfigError
from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.web.addresses import may_be_reached
from xml_pipeline.tools.web.connecting import GuardedNetwork
from xml_pipeline.tools.web.fetching import MOST_BYTES, Fetcher
from xml_pipeline.tools.webfetch import FetchPage
from xml_pipeline.tools.websearch import SearchWeb

OURS = ip_network("127.0.0.2/32")
"""What stands for the internet in these tests; the rest of the machine is forbidden."""

Answer = Callable[[str, dict[str, str], bytes], bytes]


def response(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = {"content-type": "text/plain", "content-length": str(len(body)), "connection": "close"}
    lines |= {key.replace("_", "-"): value for key, value in headers.items()}
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


@asynccontextmanager
async def serving(answer: Answer, host: str = "127.0.0.2", port: int = 0) -> AsyncIterator[Server]:
    """Serve what ``answer`` makes of each path, headers and body."""
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, host, port)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


class Server:
    """A server that keeps the paths that it was asked for."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.port = 0
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(each.lower().split(": ", 1) for each in head[1:] if each)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            path = head[0].split(" ")[1]
            self.asked.append((path, headers))
            writer.write(self._answer(path, headers, body))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def url(self, path: str = "/", host: str = "127.0.0.2") -> str:
        return f"http://{host}:{self.port}{path}"


def always(body: bytes, status: str = "200 OK", **headers: str) -> Answer:
    return lambda *_: response(body, status, **headers)


def fetcher(*answers: Sequence[str]) -> Fetcher:
    """Return a fetcher whose resolver gives these, one after the other; a number is itself."""
    waiting = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        if host.replace(".", "").isdecimal():
            return [host]
        return waiting.pop(0)

    return Fetcher(GuardedNetwork((OURS,), resolve))


# ── Addresses ───────────────────────────────────────────────────────────────────────────

FORBIDDEN = (
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
    *("192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1"),
    *("100.100.100.200", "168.63.129.16", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    *("::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::"),
    *("2002:808:808::", "2001::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0"),
    *("fec0::1", "ff02::1", "2001:db8::1", "100::1"),
)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_of_the_internet_is_not_reached(address: str) -> None:
    assert not may_be_reached(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_an_address_of_the_internet_is_reached(address: str) -> None:
    assert may_be_reached(address)


@given(st.ip_addresses(v=4))
def test_no_address_is_reached_by_another_way_of_writing_it(address: object) -> None:
    text = str(address)
    if not may_be_reached(text):
        assert not may_be_reached(f"::ffff:{text}")
        assert not may_be_reached(f"64:ff9b::{text}")
    assert not may_be_reached(f"::{text}")


HOSTS = (
    *("localhost", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0"),
    *("017700000001", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127.0.0.1."),
    *("\uff11\uff12\uff17.0.0.1", "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3"),
    *(
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "0.0.0.0",
        "LOCALHOST",
        "%6cocalhost",
    ),
)


@pytest.mark.parametrize("host", HOSTS)
async def test_no_way_of_writing_a_host_leads_to_this_machine(host: str) -> None:
    async with serving(always(b"SECRET"), "127.0.0.1") as server:
        with pytest.raises(ToolFailed):
            await Fetcher(GuardedNetwork(())).fetch(server.url("/", host), 5)
    assert not server.asked


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://example.org/x",
        "http://user:word@127.0.0.2/",
        "http://127.0.0.2@127.0.0.1/",
        "http:///x",
        "//127.0.0.2/",
        "http://[::1",
        "javascript:alert(1)",
    ],
)
async def test_what_is_no_plain_web_address_is_not_fetched(url: str) -> None:
    with pytest.raises(ToolFailed):
        await fetcher().fetch(url, 5)


# ── Names that stand for other things ───────────────────────────────────────────────────


async def test_a_name_that_means_another_address_the_next_time_leads_nowhere() -> None:
    async with (
        serving(always(b"", "302 Found", location="/again")) as public,
        serving(always(b"SECRET"), "127.0.0.1", public.port) as inside,
    ):
        rebinding = fetcher(["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1"])
        with pytest.raises(ToolFailed, match="not on the internet"):
            await rebinding.fetch(public.url("/", "rebinding.test"), 5)
    assert [path for path, _ in public.asked] == ["/"]
    assert not inside.asked


async def test_a_name_is_resolved_once_and_all_its_addresses_are_judged() -> None:
    async with serving(always(b"hi")) as server:
        page = await fetcher(["127.0.0.2"]).fetch(server.url("/", "once.test"), 5)
        assert page.text == "hi"
        with pytest.raises(ToolFailed, match="not on the internet"):
            await fetcher(["127.0.0.2", "10.0.0.1"]).fetch(server.url("/", "both.test"), 5)
    assert len(server.asked) == 1
    assert server.asked[0][1]["host"] == f"once.test:{server.port}"


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest", "http://127.0.0.1:PORT/", "file:///etc/passwd"]
)
async def test_a_redirect_leads_nowhere_else(target: str) -> None:
    async with serving(always(b"SECRET"), "127.0.0.1") as inside:
        location = target.replace("PORT", str(inside.port))
        async with serving(always(b"", "302 Found", location=location)) as server:
            with pytest.raises(ToolFailed):
                await fetcher().fetch(server.url(), 5)
    assert not inside.asked


async def test_three_redirects_are_followed_and_no_credentials_go_with_them() -> None:
    def answer(path: str, headers: dict[str, str], body: bytes) -> bytes:
        left = int(path[1:])
        return (
            response(b"", "307 There", location=f"/{left - 1}", set_cookie="a=b")
            if left
            else (response(b"done"))
        )

    async with serving(answer) as server:
        page = await fetcher().fetch(server.url("/3"), 5)
        assert (page.text, page.url) == ("done", server.url("/0"))
        with pytest.raises(ToolFailed, match="more than 3 redirects"):
            await fetcher().fetch(server.url("/4"), 5)
    assert all("cookie" not in headers for _, headers in server.asked)


# ── What is on a page ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (always(b"x", "404 Not Found"), "the server says 404"),
        (always(b"x", content_type="application/pdf"), "application/pdf, and no text"),
        (always(b"x" * (MOST_BYTES + 1)), "more than 5242880 bytes"),
        (always(gzip.compress(b"x" * 10**8), content_encoding="gzip"), "more than 5242880 bytes"),
        (always(b"x", content_encoding="gzip"), "not compressed as it says"),
        (always(b"x", content_encoding="br"), "content-encoding br"),
        (lambda *_: b"nonsense\r\n\r\n", "cannot be fetched"),
        (lambda *_: b"", "cannot be fetched"),
    ],
)
async def test_what_cannot_be_told_is_an_error_in_words(answer: Answer, why: str) -> None:
    async with serving(answer) as server:
        with pytest.raises(ToolFailed, match=why):
            await fetcher().fetch(server.url(), 20)


async def test_a_page_that_never_comes_is_not_waited_for() -> None:
    silent = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.2", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(ToolFailed, match=r"longer than 0\.2 seconds"):
            await fetcher().fetch(f"http://127.0.0.2:{port}/", 0.2)
        silent.set()


@pytest.mark.parametrize(
    ("body", "headers", "text"),
    [
        (gzip.compress("käse".encode()), {"content_encoding": "gzip"}, "käse"),
        (zlib.compress(b"x"), {"content_encoding": "deflate"}, "x"),
        ("käse".encode("latin-1"), {"content_type": "text/plain; charset=latin-1"}, "käse"),
        (b"x", {"content_type": "text/plain; charset=nonsense"}, "x"),
        (b"{}", {"content_type": "application/json"}, "{}"),
    ],
)
async def test_text_is_decoded_as_it_says(body: bytes, headers: dict[str, str], text: str) -> None:
    async with serving(always(body, **headers)) as server:
        assert (await fetcher().fetch(server.url(), 5)).text == text


HTML = (
    b"<html><head><title>T</title><script>var SECRET</script><style>p{}</style></head><body><nav>"
    b"menu</nav><article><h1>Heading</h1>"
    + b"<p>"
    + b"A paragraph of many words, as articles have them, goes on and on. " * 8
    + b"</p>"
    + b"<p>Some <b>words</b> of a page, long enough to be told."
    b'</p><p>More of them, with <a href="http://x.test/">a link</a>.</p></article></body></html>'
)


async def test_a_page_is_told_as_markdown_text_or_html(tmp_path: Path) -> None:
    async with serving(always(HTML, content_type="text/html")) as server:
        web = tool("webfetch", '{networks: ["127.0.0.2/32"]}')
        async with organism_of(tmp_path, web) as organism:
            wanted = [FetchPage(server.url(), form) for form in ("markdown", "text", "html")]
            markdown, text, html = await calls(organism, *(("webfetch", each) for each in wanted))
    assert "# Heading" in markdown.text
    assert "SECRET" not in markdown.text + text.text
    assert "Some words of a page" in text.text
    assert html.text == HTML.decode()


async def test_a_page_without_words_and_one_with_too_many(tmp_path: Path) -> None:
    def answer(path: str, headers: dict[str, str], body: bytes) -> bytes:
        return response(b"x" * 60_000 if path == "/long" else b" ")

    async with serving(answer) as server:
        web = tool("webfetch", '{networks: ["127.0.0.2/32"]}')
        async with organism_of(tmp_path, web) as organism:
            long, empty, forbidden = await calls(
                organism,
                ("webfetch", FetchPage(server.url("/long"))),
                ("webfetch", FetchPage(server.url())),
                ("webfetch", FetchPage(server.url("/", "localhost"))),
            )
    assert long.text.endswith("(10000 characters more)")
    assert empty.error == "there are no words on this page"
    assert "not on the internet" in forbidden.error


def test_a_network_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"networks\.0"):
        organism_of(tmp_path, tool("webfetch", "{networks: [home]}"))


# ── Search ──────────────────────────────────────────────────────────────────────────────


async def searched(folder: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MY_KEY", "s3cret")
    async with serving(answer) as server:
        said = f"{{api_key_env: MY_KEY, base_url: '{server.url()}'}}"
        async with organism_of(folder, tool("websearch", said)) as organism:
            [told] = await calls(organism, ("websearch", SearchWeb("oxen", 2)))
    [(path, headers)] = server.asked
    assert (path, headers["x-api-key"]) == ("/search", "s3cret")
    return next(iter(told.fields.values()))


async def test_pages_are_found_with_their_beginnings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(path: str, headers: dict[str, str], body: bytes) -> bytes:
        assert json.loads(body)["query"] == "oxen"
        results = [{"title": "An ox", "url": "http://x.test/", "text": "o" * 900}, {"url": "u"}, {}]
        return response(json.dumps({"results": results}).encode(), content_type="application/json")

    told = await searched(tmp_path, answer, monkeypatch)
    assert told == f"An ox\nhttp://x.test/\n{'o' * 500}\n\nu\nu"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (always(b"{}", "401 No"), "the search says 401"),
        (always(b"{}"), "cannot be read"),
        (always(b"[" * 100_000), "cannot be read"),
        (always(b'{"results": [1]}'), "cannot be read"),
        (always(b'{"results": []}'), "(nothing was found)"),
        (lambda *_: b"", "cannot be reached"),
    ],
)
async def test_a_search_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, words: str
) -> None:
    assert words in await searched(tmp_path, answer, monkeypatch)


def test_a_search_without_a_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXA_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="EXA_API_KEY"):
        organism_of(tmp_path, "websearch")
