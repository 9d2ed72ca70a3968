"""Servers that the tests of this folder share."""

from __future__ import annotations

from tests.services.fixtures import postgres, redis

__all__ = ["postgres", "redis"]
