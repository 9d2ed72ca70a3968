"""A backend in Redis: every commit is one script, which Redis runs as a whole or not at all.

What is written outlives the death of Redis as far as its append-only file does: without
``appendonly`` nothing does, with ``appendfsync everysec`` all but the last second before the
machine itself goes down, with ``always`` everything.
"""

from __future__ import annotations

from xml_pipeline.backends.redis.board import RedisBoard, RedisSeat
from xml_pipeline.backends.redis.store import RedisBackend, configured

__all__ = ["RedisBackend", "RedisBoard", "RedisSeat", "configured"]
