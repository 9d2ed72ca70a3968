"""Payloads that the flow tests send about."""

from __future__ import annotations

from dataclasses import dataclass

from xml_pipeline.payload import xmlify


@xmlify
@dataclass(frozen=True, slots=True)
class Task:
    """Something to do."""

    text: str


@xmlify
@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    text: str


@xmlify
@dataclass(frozen=True, slots=True)
class Note:
    """Something to know."""

    text: str


@xmlify
@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    n: int
