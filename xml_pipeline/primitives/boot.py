"""The first message of an organism, in the log."""

from __future__ import annotations

import logging

from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.system import Boot

log = logging.getLogger(__name__)


async def log_boot(boot: Boot, metadata: HandlerMetadata) -> HandlerResponse | None:
    """Note that the organism has started; whoever else accepts ``Boot`` hears it as well."""
    log.info(
        "%s has started with %d listeners",
        boot.organism_name,
        boot.listener_count,
        extra={"organism": boot.organism_name, "listeners": boot.listener_count},
    )
    return None
