"""Notifications: what comes of a task is told to an address of the client's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.a2a.house import Visitor, message, visiting
from tests.a2a.tck import FILE
from xml_pipeline.server import Bounds

ORGANISM = FILE.replace("PAUSE", "")
CLOSED = ORGANISM.replace("{push_networks: [127.0.0.0/8]}", "{}")
PARAMS, NOT_FOUND = -32602, -32001
AT_ONCE = {"returnImmediately": True}


@dataclass
class Hook:
    """Hears notifications; the first answers are those of ``says``, then 200."""

    says: list[int] = field(default_factory=list)
    told: asyncio.Queue[tuple[dict[str, str], dict[str, Any]]] = field(
        default_factory=asyncio.Queue
    )
    url: str = ""

    async def hear(self, request: Request) -> Response:
        self.told.put_nowait((dict(request.headers), await request.json()))
        return Response(status_code=self.says.pop(0) if self.says else 200)

    async def until(self, state: str) -> list[dict[str, Any]]:
        """Return what is told up to the end of a task."""
        heard: list[dict[str, Any]] = []
        while (
            not heard or heard[-1].get("statusUpdate", {}).get("status", {}).get("state") != state
        ):
            heard.append((await self.told.get())[1])
        return heard


@asynccontextmanager
async def listening(*says: int) -> AsyncIterator[Hook]:
    hook = Hook([*says])
    app = Starlette(routes=[Route("/hook", hook.hear, methods=["POST"])])
    with socket.create_server(("127.0.0.1", 0)) as ear:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
        serving = asyncio.create_task(server.serve([ear]))
        hook.url = f"http://127.0.0.1:{ear.getsockname()[1]}/hook"
        try:
            yield hook
        finally:
            server.should_exit = True
            await serving


async def sent(visitor: Visitor, prefix: str, **configuration: Any) -> dict[str, Any]:
    said = message("Please", id=prefix)
    answer = await visitor.ask("/a2a", "SendMessage", message=said, configuration=configuration)
    task: dict[str, Any] = answer["task"]
    return task


async def test_what_comes_of_a_task_is_told_with_the_clients_own_credentials(
    tmp_path: Path,
) -> None:
    async with visiting(tmp_path, ORGANISM) as visitor, listening() as hook:
        where = {"id": "c", "url": hook.url, "token": "mine", "authentication": {}}
        where["authentication"] = {"scheme": "Bearer", "credentials": "theirs"}
        task = await sent(visitor, "tck-stream-artifact-chunked", taskPushNotificationConfig=where)
        headers, first = await hook.told.get()
        told = [first, *await hook.until("TASK_STATE_COMPLETED")]
    assert headers["x-a2a-notification-token"] == "mine"
    assert headers["authorization"] == "Bearer theirs"
    assert first["statusUpdate"]["taskId"] == task["id"]
    artifacts = [each["artifactUpdate"]["artifact"] for each in told if "artifactUpdate" in each]
    assert artifacts == task["artifacts"]


async def test_a_notification_that_fails_is_tried_again(tmp_path: Path) -> None:
    soon = Bounds(notify_again=(0.0, 0.0))
    async with (
        visiting(tmp_path, ORGANISM, bounds=soon) as visitor,
        listening(500, 503) as hook,
    ):
        where = {"url": hook.url}
        await sent(visitor, "tck-complete-task", taskPushNotificationConfig=where)
        told = await hook.until("TASK_STATE_COMPLETED")
    assert told[0] == told[1] == told[2]
    assert [next(iter(each)) for each in told] == ["statusUpdate"] * 4


async def test_what_cannot_be_told_is_given_up_and_the_rest_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soon = Bounds(notify_again=(0.0,))
    async with (
        visiting(tmp_path, ORGANISM, bounds=soon) as visitor,
        listening(500, 500) as hook,
    ):
        await sent(visitor, "tck-complete-task", taskPushNotificationConfig={"url": hook.url})
        told = await hook.until("TASK_STATE_COMPLETED")
    assert len(told) == 3
    assert "was not told" in caplog.text


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/hook", "not on the internet"),
        ("http://localhost/hook", "not on the internet"),
        ("http://2130706433/hook", "not on the internet"),
        ("http://169.254.169.254/latest/meta-data", "not on the internet"),
        ("http://[::1]/hook", "not on the internet"),
        ("http://10.0.0.1/hook", "not on the internet"),
        ("ftp://example.com/hook", "http"),
        ("file:///etc/passwd", "http"),
        ("http://user:word@example.com/", "no user"),
        ("http://", "http"),
    ],
)
async def test_an_address_that_is_not_on_the_internet_is_refused(
    tmp_path: Path, url: str, why: str
) -> None:
    async with visiting(tmp_path, CLOSED) as visitor:
        task = await sent(visitor, "tck-input-required")
        where = {"taskId": task["id"], "url": url}
        said = await visitor.call("/a2a", "CreateTaskPushNotificationConfig", **where)
        assert said["error"]["code"] == PARAMS
        assert why in said["error"]["message"]
        wanted = {"taskPushNotificationConfig": {"url": url}}
        said = await visitor.call(
            "/a2a", "SendMessage", message=message("Please"), configuration=wanted
        )
        assert said["error"]["code"] == PARAMS
        listed = await visitor.ask("/a2a", "ListTasks")
        assert [each["id"] for each in listed["tasks"]] == [task["id"]]


async def test_a_header_cannot_be_smuggled_in(tmp_path: Path) -> None:
    async with visiting(tmp_path, ORGANISM) as visitor:
        task = await sent(visitor, "tck-input-required")
        where = {"taskId": task["id"], "url": "http://127.0.0.1/", "token": "a\r\nX-Evil: 1"}
        said = await visitor.refused("/a2a", "CreateTaskPushNotificationConfig", **where)
        assert said == PARAMS


async def test_addresses_can_be_shown_listed_replaced_and_taken_away(tmp_path: Path) -> None:
    async with visiting(tmp_path, ORGANISM) as visitor, listening() as hook:
        task = await sent(visitor, "tck-input-required")
        at = {"taskId": task["id"]}
        made = await visitor.ask("/a2a", "CreateTaskPushNotificationConfig", **at, url=hook.url)
        assert made["id"]
        one = at | {"id": made["id"]}
        assert await visitor.ask("/a2a", "GetTaskPushNotificationConfig", **one) == made
        again = await visitor.ask(
            "/a2a", "CreateTaskPushNotificationConfig", **one, url=hook.url, token="t"
        )
        listed = await visitor.ask("/a2a", "ListTaskPushNotificationConfigs", **at)
        assert listed["configs"] == [again]
        for _ in "ab":
            await visitor.ask("/a2a", "DeleteTaskPushNotificationConfig", **one)
        assert await visitor.refused("/a2a", "GetTaskPushNotificationConfig", **one) == NOT_FOUND
        await visitor.ask("/a2a", "CancelTask", id=task["id"])
        assert hook.told.empty()


@pytest.mark.parametrize("few", [Bounds(addresses=1), Bounds(notified=1)], ids=["its", "all"])
async def test_there_is_an_end_to_the_addresses(tmp_path: Path, few: Bounds) -> None:
    async with visiting(tmp_path, ORGANISM, bounds=few) as visitor:
        task = await sent(visitor, "tck-input-required")
        where = {"taskId": task["id"], "url": "http://127.0.0.1:1/"}
        await visitor.ask("/a2a", "CreateTaskPushNotificationConfig", **where)
        said = await visitor.refused("/a2a", "CreateTaskPushNotificationConfig", **where)
        assert said == -32004


@pytest.mark.parametrize("older", [False, True])
async def test_older_clients_have_notifications_too(tmp_path: Path, older: bool) -> None:
    async with visiting(tmp_path, ORGANISM) as visitor, listening() as hook:
        task = await sent(visitor, "tck-input-required")
        if older:
            where = {"taskId": task["id"], "pushNotificationConfig": {"url": hook.url, "id": "c"}}
            await visitor.ask("/a2a", "tasks/pushNotificationConfig/set", **where)
        else:
            path = f"/a2a/kit/tasks/{task['id']}/pushNotificationConfigs"
            version = {"A2A-Version": "1.0"}
            made = await visitor.http.post(path, json={"url": hook.url}, headers=version)
            assert made.status_code == 200
        await visitor.ask("/a2a", "CancelTask", id=task["id"])
        (told,) = await hook.until("TASK_STATE_CANCELED")
        assert told["statusUpdate"]["taskId"] == task["id"]


async def test_whoever_is_told_of_a_task_is_told_after_a_restart(tmp_path: Path) -> None:
    async with listening() as hook:
        async with visiting(tmp_path, ORGANISM, "journal.db") as visitor:
            task = await sent(visitor, "tck-input-required")
            where = {"taskId": task["id"], "url": hook.url}
            await visitor.ask("/a2a", "CreateTaskPushNotificationConfig", **where)
        async with visiting(tmp_path, ORGANISM, "journal.db") as visitor:
            threads = visitor.organism.kernel.threads
            (conversation,) = {each.conversation.id for each in threads if each.owed}
            await visitor.http.get("/healthz")  # By now it has begun to serve.
            begun = [each for each in asyncio.all_tasks() if each.get_name() == "a2a begins"]
            await asyncio.gather(*begun)
            visitor.organism.kill(conversation, by="operator")
            told = await hook.until("TASK_STATE_CANCELED")
    assert told[-1]["statusUpdate"]["taskId"] == task["id"]
