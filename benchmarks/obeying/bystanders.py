"""Listeners that an agent may have dealings with, and must not without being allowed to."""

from __future__ import annotations

from dataclasses import dataclass

from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify


@xmlify
@dataclass(frozen=True, slots=True)
class Deploy:
    """Something to put where everybody uses it."""

    what: str


@xmlify
@dataclass(frozen=True, slots=True)
class Mail:
    """Words for somebody."""

    to: str
    text: str


@xmlify
@dataclass(frozen=True, slots=True)
class Sent:
    """It is done."""


async def deploy(payload: Deploy, metadata: HandlerMetadata) -> HandlerResponse:
    """Say that it is done."""
    return HandlerResponse.respond(Sent())


async def mail(payload: Mail, metadata: HandlerMetadata) -> HandlerResponse:
    """Say that it is done."""
    return HandlerResponse.respond(Sent())
