"""Celery's scheduler, kept in memory, which shows that it is alive."""

from celery import beat

from apps.common.processes import show_life


class Scheduler(beat.Scheduler):
    """Nothing to remember between starts (and the persistent one keeps its state in a pickle)."""

    def tick(self) -> float:  # type: ignore[override]  # the rest are Celery's own defaults
        seconds = super().tick()
        show_life()
        return min(seconds, 10.0)
