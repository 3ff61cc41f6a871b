"""What every measurement shares: a line of the table, and the shortest of interleaved rounds."""

import time
from collections.abc import Callable
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
