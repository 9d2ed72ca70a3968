"""Figures with labels, in the text format of Prometheus, whose number cannot grow for ever."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator

BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the buckets, in seconds."""

OTHER = "other"
"""The label of what comes when there are as many values as there may be."""


class Histogram:
    """How often something took how long, in seconds; ``bounds`` are those of its buckets."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = BOUNDS) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.total += seconds

    def lines(self, name: str, label: str) -> Iterator[str]:
        """Yield the samples; the buckets are cumulative, the last one holds all."""
        so_far = 0
        for bound, count in zip((*map(repr, self._bounds), "+Inf"), self.counts, strict=True):
            so_far += count
            yield f'{name}_bucket{{{label},le="{bound}"}} {so_far}'
        yield f"{name}_sum{{{label}}} {self.total!r}"
        yield f"{name}_count{{{label}}} {so_far}"


class Names:
    """The values of one label: the first ``most`` that come, and OTHER in place of the rest."""

    __slots__ = ("_known", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __contains__(self, name: str) -> bool:
        """Tell whether a name has come before."""
        return name in self._known

    def of(self, name: str) -> str:
        """Return the value for a name."""
        if name not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(name)
        return name


class Family:
    """Counters of one name, by the values of their labels."""

    __slots__ = ("_counts", "_labels", "_meaning", "_name")

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self._name = name
        self._meaning = meaning
        self._labels = labels
        self._counts: dict[tuple[str, ...], float] = {}

    def add(self, amount: float, *values: str) -> None:
        """Count so much more for these values, one for each label."""
        self._counts[values] = self._counts.get(values, 0) + amount

    def lines(self) -> Iterator[str]:
        """Yield the samples and what comes before them; nothing while nothing was counted."""
        if not self._counts:
            return
        full = yield from head(self._name, "counter", self._meaning)
        for values, count in self._counts.items():
            yield f"{full}{{{labels(zip(self._labels, values, strict=True))}}} {count!r}"


class Timings:
    """Histograms of one name, by the value of one label."""

    __slots__ = ("_bounds", "_by_value", "_label", "_meaning", "_name")

    def __init__(self, name: str, meaning: str, label: str, bounds: tuple[float, ...]) -> None:
        self._name = name
        self._meaning = meaning
        self._label = label
        self._bounds = bounds
        self._by_value: dict[str, Histogram] = {}

    def observe(self, seconds: float, value: str) -> None:
        """Count one for this value."""
        if value not in self._by_value:
            self._by_value[value] = Histogram(self._bounds)
        self._by_value[value].observe(seconds)

    def lines(self) -> Iterator[str]:
        """Yield the samples and what comes before them; nothing while nothing was counted."""
        if not self._by_value:
            return
        full = yield from head(self._name, "histogram", self._meaning)
        for value, histogram in self._by_value.items():
            yield from histogram.lines(full, labels([(self._label, value)]))


def head(name: str, kind: str, meaning: str) -> Generator[str, None, str]:
    """Yield what comes before the samples; return the name that they have."""
    full = f"xml_pipeline_{name}" + ("_total" if kind == "counter" else "")
    yield f"# HELP {full} {meaning}"
    yield f"# TYPE {full} {kind}"
    return full


def labels(pairs: Iterable[tuple[str, str]]) -> str:
    """Return labels with their values, as they stand between the braces."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
