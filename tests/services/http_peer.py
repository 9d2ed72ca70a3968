"""A server of HTTP that does on each connection what it is told to, over TCP or TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Last(bytes):
    """An answer after which the server ends the connection."""


HANG_UP = Last()


@dataclass
class Peer:
    """What was asked, on each connection.

    ``began`` is set once an answer has been given, ``gone`` once somebody has hung up on it.
    """

    url: str = ""
    asked: list[list[bytes]] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def answering(
    *connections: list[bytes], tls: ssl.SSLContext | None = None
) -> AsyncIterator[Peer]:
    """Serve: each connection answers each of its requests with these bytes, one after the other.

    A request that there is no answer to ends it.
    """
    peer, scripts, serving = Peer(), iter(connections), set[asyncio.Task[None] | None]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        asked: list[bytes] = []
        peer.asked.append(asked)
        for answer in (*next(scripts), HANG_UP):
            request = await _request(reader)
            if not request:
                peer.gone.set()
                break
            asked.append(request)
            writer.write(answer)
            peer.began.set()
            if isinstance(answer, Last):
                break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    scheme, port = ("https" if tls else "http"), server.sockets[0].getsockname()[1]
    peer.url = f"{scheme}://localhost:{port}/ask?of=it"
    async with server:
        yield peer
        await asyncio.gather(*filter(None, serving))


async def _request(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head + await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the two sides of TLS: a server called ``localhost``, and whoever trusts only that."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "server.pem").write_bytes(private + public)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    return server, ssl.create_default_context(cadata=public.decode())
