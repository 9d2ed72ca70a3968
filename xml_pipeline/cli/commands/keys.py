"""``keygen`` and ``sign``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from xml_pipeline.cli.documents import Document, DocumentTooLong, Splitter
from xml_pipeline.cli.exits import Failed, Misused
from xml_pipeline.cli.output import remark
from xml_pipeline.errors import Rejected
from xml_pipeline.identity.form import LONGEST, USUAL
from xml_pipeline.identity.keys import new_key, private_key
from xml_pipeline.identity.signing import Signer
from xml_pipeline.names import PRINCIPAL

_STDIN = Path("-")


@click.command()
@click.argument(
    "file", metavar="[FILE]", type=click.Path(path_type=Path), default=Path("identity.pem")
)
def keygen(file: Path) -> None:
    """Make a key to sign with, and the one to check by.

    FILE (identity.pem, if it is not given) is the private one, for its owner only; beside it
    comes the public one, FILE with `.pub` before its suffix. Nothing is overwritten.
    """
    public = file.with_suffix(f".pub{file.suffix or '.pem'}")
    for each in (file, public):
        if os.path.lexists(each):
            raise Misused(f"{each} is there already: nothing was written")
    key = new_key()
    _write(public, key.public.pem(), 0o644)
    _write(file, key.pem(), 0o600)
    click.echo(f"{file}\n{public}")
    remark(f"Keep {file} to yourself: `organism: {{identity: {file}}}`, or `sign --key {file}`.")
    remark(f"Give {public} to whoever is to believe it: `trusted_keys: {{{file.stem}: {public}}}`.")


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--key",
    metavar="KEY",
    type=click.Path(path_type=Path),
    required=True,
    help="The private key to sign with.",
)
@click.option(
    "--sender", metavar="NAME", default="", help="Who says it; otherwise, who is written there."
)
@click.option(
    "--valid-for",
    metavar="SECONDS",
    type=click.FloatRange(0.0, LONGEST, min_open=True),
    default=float(USUAL),
    show_default=True,
    help=f"How long it is to be believed, at most {LONGEST}.",
)
def sign(file: Path, key: Path, sender: str, valid_for: float) -> None:
    """Sign envelopes, and print them.

    They come from FILE, or from stdin (`-`); each is printed on lines of its own. A signature that
    is there already is replaced. Each signed envelope is believed once.
    """
    if sender and not PRINCIPAL.fullmatch(sender):
        raise Misused(f"{sender!r} is no sender's name: {PRINCIPAL.pattern}")
    signer = Signer(private_key(key), valid_for, sender=sender)
    for document in _documents(file):
        try:
            click.echo(signer(document.raw))
        except Rejected as error:
            raise Failed(f"{file}:{document.line}: {error.detail}") from None


def _documents(file: Path) -> Iterator[Document]:
    splitter = Splitter()
    try:
        text = sys.stdin.buffer.read() if file == _STDIN else file.read_bytes()
        yield from splitter.feed(text)
        yield from splitter.close()
    except OSError as error:
        raise Misused(f"{file}: {error.strerror}") from None
    except DocumentTooLong as error:
        raise Failed(f"{file}:{splitter.line}: {error}") from None


def _write(file: Path, text: bytes, mode: int) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise Misused(f"{file}: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(text)
