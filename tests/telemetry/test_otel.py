"""Spans on their way to a receiver: a real one, on the loopback."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from xml_pipeline.agents.payloads import Task
from xml_pipeline.errors import ConfigError, MissingExtra
from xml_pipeline.organism import Organism

EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


class Receiver:
    """Takes in what is exported; or answers that it cannot, while it is ``broken``."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.requests: list[ExportTraceServiceRequest] = []
        self.broken = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.paths.append(self.path)
                if not receiver.broken:
                    receiver.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(503 if receiver.broken else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_request(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a receiver that listens."""
    receiver = Receiver()
    serving = Thread(target=receiver.server.serve_forever, args=(0.02,))
    serving.start()
    yield receiver
    receiver.server.shutdown()
    serving.join()
    receiver.server.server_close()


def organism_file(folder: Path, telemetry: str) -> Path:
    """Write an organism of one agent that a script thinks for."""
    (folder / "ada.yaml").write_text("- text: Done.\n")
    file = folder / "organism.yaml"
    file.write_text(
        "organism: {name: house}\n"
        f"telemetry: {telemetry}\n"
        "listeners:\n"
        "  - {name: ada, description: Is Ada., agent: true, model: 'scripted:ada'}\n"
    )
    return file


async def test_spans_are_sent_to_a_receiver_and_the_last_ones_before_the_organism_has_ended(
    receiver: Receiver, tmp_path: Path
) -> None:
    file = organism_file(tmp_path, f"{{otlp_endpoint: '{receiver.url}', observability: debug}}")
    async with Organism.load(file) as organism:
        answer = await organism.ask("ada", Task("Go."))
    assert set(receiver.paths) == {"/v1/traces"}
    resources = [each for request in receiver.requests for each in request.resource_spans]
    told = {each.key: each.value.string_value for each in resources[0].resource.attributes}
    assert told["service.name"] == "house"
    spans = [span for each in resources for scope in each.scope_spans for span in scope.spans]
    assert {each.name for each in spans} == {"invoke_agent ada", "chat ada"}
    chat = next(each for each in spans if each.name == "chat ada")
    figures = {each.key: each.value.int_value for each in chat.attributes}
    assert figures["gen_ai.usage.output_tokens"] == answer.spent.output_tokens


async def test_a_service_may_have_a_name_of_its_own_and_the_endpoint_its_whole_path(
    receiver: Receiver, tmp_path: Path
) -> None:
    endpoint = f"{receiver.url}/v1/traces"
    file = organism_file(tmp_path, f"{{otlp_endpoint: '{endpoint}', service_name: desk}}")
    async with Organism.load(file) as organism:
        await organism.ask("ada", Task("Go."))
    assert set(receiver.paths) == {"/v1/traces"}
    [service] = [
        each.value.string_value
        for each in receiver.requests[0].resource_spans[0].resource.attributes
        if each.key == "service.name"
    ]
    assert service == "desk"


async def test_a_receiver_that_fails_holds_up_nobody(receiver: Receiver, tmp_path: Path) -> None:
    receiver.broken = True
    file = organism_file(tmp_path, f"{{otlp_endpoint: '{receiver.url}'}}")
    async with Organism.load(file) as organism:
        async with asyncio.timeout(60):
            answer = await organism.ask("ada", Task("Go."))
    assert answer.text == "Done."
    assert receiver.paths
    assert receiver.requests == []


async def test_without_an_endpoint_nobody_listens(tmp_path: Path) -> None:
    async with Organism.load(organism_file(tmp_path, "{}")) as organism:
        assert not organism.kernel.events.heard


def test_without_the_extra_an_organism_that_needs_it_says_which_one_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "xml_pipeline.telemetry.otel", raising=False)
    monkeypatch.setitem(sys.modules, EXPORTER, None)
    file = organism_file(tmp_path, "\n  otlp_endpoint: http://127.0.0.1:4318")
    with pytest.raises(ConfigError) as refusal:
        Organism.load(file)
    [problem] = refusal.value.problems
    assert problem.startswith(f"{file}:3:")
    assert 'python -m pip install "xml-pipeline[otel]"' in problem
    assert isinstance(refusal.value.__cause__, MissingExtra)


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("localhost:4318", "must be an address such as http://localhost:4318"),
        ("grpc://localhost:4317", "must be an address such as http://localhost:4318"),
        ("http://", "must be an address such as http://localhost:4318"),
        ("http://me:secret@localhost:4318", "holds a name or a password"),
    ],
)
def test_an_endpoint_that_is_none_is_refused(tmp_path: Path, endpoint: str, why: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        Organism.load(organism_file(tmp_path, f"{{otlp_endpoint: '{endpoint}'}}"))
    assert why in str(refusal.value)
    assert "secret" not in str(refusal.value)
