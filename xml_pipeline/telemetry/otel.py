"""Spans to an OTLP/HTTP receiver, in the background: whoever works never waits for it.

What cannot be sent is dropped, and the log says so. Headers, such as a key, come from the
environment: ``OTEL_EXPORTER_OTLP_HEADERS``.
"""

from __future__ import annotations

import asyncio

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from xml_pipeline.config import TelemetryConfig
from xml_pipeline.events import Event
from xml_pipeline.redaction import Redact
from xml_pipeline.telemetry.spans import Spans

PATH = "/v1/traces"

REQUEST_SECONDS = 3.0
"""How long one request may take, its retries included."""

LAST_SECONDS = 3.0
"""How long the last spans may take to be sent when the organism has stopped."""


class Export:
    """Hears an organism, and sends what it does as spans."""

    def __init__(self, config: TelemetryConfig, service: str, redact: Redact) -> None:
        self._config = config
        self._redact = redact
        self._service = config.service_name or service
        self._sending: Sending | None = None

    def hear(self, event: Event) -> None:
        """Take in one event; with the first one it begins to send."""
        if self._sending is None:
            self._sending = Sending(self._config, self._service, self._redact)
        self._sending.spans.hear(event)

    async def aclose(self) -> None:
        """Send what is left, if that can be done in time."""
        await asyncio.sleep(0)  # The last events are heard in the next round of the loop.
        if self._sending is not None:
            await self._sending.end()


class Sending:
    """Spans on their way, and the thread that sends them."""

    def __init__(self, config: TelemetryConfig, service: str, redact: Redact) -> None:
        endpoint = (config.otlp_endpoint or "").rstrip("/").removesuffix(PATH) + PATH
        resource = Resource.create({SERVICE_NAME: service})
        self._exporter = OTLPSpanExporter(endpoint, timeout=REQUEST_SECONDS)
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        tracer = self._provider.get_tracer("xml_pipeline")
        self.spans = Spans(tracer, config.observability, redact=redact)

    async def end(self) -> None:
        """End every span, and wait until all are sent, or time is up."""
        self.spans.end()
        sending = asyncio.ensure_future(asyncio.to_thread(self._provider.shutdown))
        await asyncio.wait({sending}, timeout=LAST_SECONDS)
        if not sending.done():
            # It tries no more, and the rest is dropped.
            self._exporter.shutdown()  # type: ignore[no-untyped-call]
        await sending


def configured(config: TelemetryConfig, service: str, redact: Redact) -> Export:
    """Return what sends the spans of an organism; ``service`` is its name.

    ``redact`` takes secrets out of what is sent.
    """
    return Export(config, service, redact)
