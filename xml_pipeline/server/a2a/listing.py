"""Pages of tasks, the one that changed last first."""

from __future__ import annotations

from collections.abc import Iterable

from a2a.types.a2a_pb2 import ListTasksRequest, ListTasksResponse, Task
from a2a.utils.constants import DEFAULT_LIST_TASKS_PAGE_SIZE
from a2a.utils.errors import InvalidParamsError
from a2a.utils.task import (
    ListTasksCursor,
    apply_history_length,
    decode_list_tasks_cursor,
    encode_list_tasks_cursor,
    validate_history_length,
    validate_page_size,
)


def page_of(tasks: Iterable[Task], wanted: ListTasksRequest) -> ListTasksResponse:
    """Return one page; InvalidParamsError where what is wanted is no page."""
    validate_history_length(wanted)
    if wanted.HasField("page_size"):
        validate_page_size(wanted.page_size)
    size = wanted.page_size or DEFAULT_LIST_TASKS_PAGE_SIZE
    fitting = sorted((each for each in tasks if _fits(each, wanted)), key=_order, reverse=True)
    left = fitting
    if wanted.page_token:
        last = decode_list_tasks_cursor(wanted.page_token)
        if last is None:
            raise InvalidParamsError("pageToken: it is none that was given here.")
        left = [each for each in fitting if _order(each) < (last.timestamp_ns or 0, last.task_id)]
    page = left[:size]
    return ListTasksResponse(
        tasks=[_shown(each, wanted) for each in page],
        next_page_token=_token(page[-1]) if len(left) > size else "",
        page_size=size,
        total_size=len(fitting),
    )


def _fits(task: Task, wanted: ListTasksRequest) -> bool:
    if wanted.context_id and task.context_id != wanted.context_id:
        return False
    if wanted.status and task.status.state != wanted.status:
        return False
    after = wanted.status_timestamp_after.ToNanoseconds()
    return not after or task.status.timestamp.ToNanoseconds() >= after


def _order(task: Task) -> tuple[int, str]:
    return task.status.timestamp.ToNanoseconds(), task.id


def _token(task: Task) -> str:
    return encode_list_tasks_cursor(ListTasksCursor(*_order(task)))


def _shown(task: Task, wanted: ListTasksRequest) -> Task:
    shown = Task()
    shown.CopyFrom(apply_history_length(task, wanted))
    if not wanted.include_artifacts:
        shown.ClearField("artifacts")
    return shown
