"""The budget of restarts: what dies is replaced at once, but not for ever."""

from __future__ import annotations

from xml_pipeline.dispatch.restarts import LONGEST_PAUSE, Restarts


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_deaths_within_the_budget_are_made_good_at_once() -> None:
    restarts = Restarts(Clock(), at_once=3, a_second=2)
    assert [restarts.died(ready=True) for _ in range(5)] == [0, 0, 0, 0.5, 1.0]


def test_the_budget_fills_again_with_time_up_to_what_it_was() -> None:
    clock = Clock()
    restarts = Restarts(clock, at_once=2, a_second=1)
    assert [restarts.died(ready=True) for _ in range(3)] == [0, 0, 1]
    clock.now = 100
    assert [restarts.died(ready=True) for _ in range(3)] == [0, 0, 1]


def test_workers_that_never_get_ready_are_waited_for_longer_each_time() -> None:
    restarts = Restarts(Clock(), at_once=1000, a_second=1)
    pauses = [restarts.died(ready=False) for _ in range(20)]
    assert pauses[:3] == [0.2, 0.4, 0.8]
    assert pauses[-1] == LONGEST_PAUSE
    assert restarts.stillborn == 20
    restarts.started()
    assert restarts.died(ready=False) == 0.2
