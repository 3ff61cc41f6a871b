"""What every measurement shares: a line of the table, and the shortest of interleaved rounds."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

BENCH_THREADS = 2


@dataclass(frozen=True)
class Measurement:
    """One line of the table. `bound` is words such as `<= 1.1`; empty when nothing is promised."""

    name: str
    value: float
    unit: str
    bound: str = ""

    @property
    def holds(self) -> bool | None:
        if not self.bound:
            return None
        sign, limit = self.bound.split()
        return self.value <= float(limit) if sign == "<=" else self.value >= float(limit)


def quickest(calls: dict[str, Callable[[], Any]], *, rounds: int) -> dict[str, float]:
    """The shortest time of each call in seconds, after a round that warms up.

    Rounds are interleaved, so that a busy moment of the machine meets all calls.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if number:
                times[name].append(time.perf_counter() - started)
    return {name: min(taken) for name, taken in times.items()}


def in_rounds(calls: dict[str, Callable[[], Any]], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each call in each round, after a round that warms up.

    A round runs all calls there and back (a b b a) and adds both times: what the machine gains or
    loses in the course of a round meets all of them alike.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        taken = dict.fromkeys(calls, 0.0)
        for name in (*calls, *reversed(calls)):
            started = time.perf_counter()
            calls[name]()
            taken[name] += time.perf_counter() - started
        if number:
            for name, seconds in taken.items():
                times[name].append(seconds / 2)
    return times


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median over rounds of one call's time over another's in the same round.

    A busy moment falls on a round, not on a call, so that it hardly moves this; the ratio of two
    shortest times compares two moments.
    """
    return statistics.median(a / b for a, b in zip(above, below, strict=True))
