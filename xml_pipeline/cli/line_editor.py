"""A line that is typed below a display which never stands still.

The terminal's own line editing cannot be used there: it echoes what is typed where the cursor
happens to be. So the keys come here one by one, and the line is drawn with the display.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator

MOST_LINES = 100
"""Lines that are remembered for the arrow keys."""

_KEY = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[@-~]|\x1b[^\[O]|[^\x1b]")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?$")
_LAST_WORD = re.compile(r"\S*\s*$")


class LineEditor:
    """Turns bytes from a terminal into lines.

    ``text`` is the line so far, ``cursor`` a place in it. ``complete`` returns the names that
    begin with a text, for the tab key.
    """

    def __init__(self, complete: Callable[[str], Iterable[str]] = lambda _: ()) -> None:
        self.text = ""
        self.cursor = 0
        self._complete = complete
        self._history: list[str] = []
        self._recalled = 0  # lines back from the present one
        self._rest = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._keys: dict[str, Callable[[], None]] = {
            "\x7f": self._erase,
            "\x08": self._erase,
            "\x15": lambda: self._replace(self.text[self.cursor :], 0),
            "\x17": self._erase_word,
            "\x01": lambda: self._move(-self.cursor),
            "\x05": lambda: self._move(len(self.text)),
            "\t": self._complete_word,
            "\x1b[A": lambda: self._recall(1),
            "\x1b[B": lambda: self._recall(-1),
            "\x1b[C": lambda: self._move(1),
            "\x1b[D": lambda: self._move(-1),
            "\x1b[H": lambda: self._move(-self.cursor),
            "\x1b[F": lambda: self._move(len(self.text)),
        }

    def feed(self, typed: bytes) -> Iterator[str | None]:
        """Take in what was typed; yield each line that was ended, None for Ctrl-D."""
        text = self._rest + self._decode(typed)
        unfinished = _UNFINISHED.search(text)
        self._rest = unfinished[0] if unfinished else ""
        for key in _KEY.findall(text.removesuffix(self._rest)):
            if key in "\r\n":
                yield self._end_line()
            elif key == "\x04" and not self.text:
                yield None
            elif act := self._keys.get(key):
                act()
            elif key.isprintable():
                self._insert(key)

    def _end_line(self) -> str:
        line = self.text
        if line.strip() and self._history[-1:] != [line]:
            self._history = [*self._history[1 - MOST_LINES :], line]
        self._recalled = 0
        self._replace("", 0)
        return line

    def _insert(self, text: str) -> None:
        line = self.text[: self.cursor] + text + self.text[self.cursor :]
        self._replace(line, self.cursor + len(text))

    def _replace(self, text: str, cursor: int) -> None:
        self.text, self.cursor = text, cursor

    def _move(self, steps: int) -> None:
        self.cursor = max(0, min(len(self.text), self.cursor + steps))

    def _erase(self) -> None:
        if self.cursor:
            left = self.text[: self.cursor - 1]
            self._replace(left + self.text[self.cursor :], len(left))

    def _erase_word(self) -> None:
        left = _LAST_WORD.sub("", self.text[: self.cursor])
        self._replace(left + self.text[self.cursor :], len(left))

    def _recall(self, steps: int) -> None:
        self._recalled = max(0, min(len(self._history), self._recalled + steps))
        line = self._history[-self._recalled] if self._recalled else ""
        self._replace(line, len(line))

    def _complete_word(self) -> None:
        """Write out the one name that the line can be going to begin with."""
        begun = self.text[: self.cursor]
        names = list(self._complete(begun))
        if len(names) == 1:
            self._replace(f"{names[0]} {self.text[self.cursor :]}", len(names[0]) + 1)
