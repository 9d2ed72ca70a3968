"""What a Redis promises to keep when it is killed, or its machine: asked before it is relied on."""

from __future__ import annotations

import logging

from redis.exceptions import ResponseError

from xml_pipeline.backends.redis.line import Line
from xml_pipeline.errors import BackendUnavailable, ConfigError

log = logging.getLogger(__name__)

_FORGETS = (
    "this Redis keeps no append-only file: whatever it has not saved is lost when it ends, and"
    " with it messages that were accepted; set `appendonly yes`"
)
_UNKNOWN = (
    "this Redis does not let itself be asked for `appendonly` (CONFIG is forbidden): see to it"
    " that it is `yes`, else messages that were accepted are lost when Redis ends"
)
_EVERY_SECOND = (
    "this Redis writes to its disk about once a second (`appendfsync {}`): what was accepted in"
    " the last second is lost when its machine goes down; `durability: required` needs `always`"
)


async def check_persistence(line: Line, *, every_disk: bool) -> None:
    """Warn where Redis may lose what was accepted; ConfigError instead where it must not."""
    settings = await _settings(line)
    if settings is None:
        words = _UNKNOWN
    elif settings.get(b"appendonly") != b"yes":
        words = _FORGETS
    elif every_disk and settings.get(b"appendfsync") != b"always":
        words = _EVERY_SECOND.format(settings.get(b"appendfsync", b"?").decode(errors="replace"))
    else:
        return
    if every_disk:
        raise ConfigError((f"`durability: required` is not to be had here: {words}",))
    log.warning("%s", words)


async def _settings(line: Line) -> dict[bytes, bytes] | None:
    """Return the settings of the append-only file; None where they may not be asked for."""
    try:
        said = await line.say("CONFIG", "GET", "append*")
    except BackendUnavailable as error:
        if isinstance(error.__cause__, ResponseError) and await line.say("PING"):
            return None
        raise
    return dict(zip(said[::2], said[1::2], strict=True))
