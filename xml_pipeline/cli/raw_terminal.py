"""A terminal that gives keys one by one, and gets its settings back whatever happens."""

from __future__ import annotations

import os
import signal
import termios
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress


def in_foreground(terminal: int) -> bool:
    """Tell whether this process may read from and draw on its terminal."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False


def let_go(terminals: Iterable[int]) -> None:
    """Put nothing in the place of terminals that are gone, so that writing to them is no error."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for terminal in terminals:
        os.dup2(nothing, terminal)
    os.close(nothing)


@contextmanager
def keys_one_by_one(terminal: int) -> Iterator[Callable[[], None]]:
    """Let keys come at once and unechoed; Ctrl-C and Ctrl-Z still mean what they do.

    Gives what restores the terminal, for a process that ends without leaving the context.
    Whoever suspends the process finds the terminal as it was; resumed, it is taken again.
    """
    before = termios.tcgetattr(terminal)

    def take(*_: object) -> None:
        if in_foreground(terminal):
            tty.setcbreak(terminal, termios.TCSADRAIN)

    def restore() -> None:
        with suppress(termios.error):  # there is none any more
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)

    take()
    resumed = signal.signal(signal.SIGCONT, take)
    try:
        yield restore
    finally:
        signal.signal(signal.SIGCONT, resumed)
        restore()
