"""Kinds of job for tests: what their parts do is set by the test."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from apps.jobs import registry, services
from apps.jobs.models import Job, JobPart
from tests.factories import NOON

# What a part does, by its key; a part that is not named here does nothing.
behaviour: dict[str, Callable[..., Any]] = {}
ran: list[str] = []


def run_part(part: JobPart, progress: registry.Progress) -> dict[str, Any]:
    ran.append(part.key)
    return behaviour.get(part.key, lambda part, progress: None)(part, progress) or {"by": part.key}


def finish(job: Job) -> dict[str, Any]:
    ran.append("finish")
    return behaviour.get("finish", lambda job: {"parts": job.parts.count()})(job)


@contextmanager
def kinds_of_tests():
    """Register `test` (a failed part fails the job) and `test_goes_on` (it does not)."""
    before = dict(registry._kinds)
    for name, keep_going in (("test", False), ("test_goes_on", True)):
        registry.register(
            registry.JobKind(
                name,
                run_part="tests.factories.jobs.run_part",
                finish="tests.factories.jobs.finish",
                task="tests.work_on_job",
                keep_going=keep_going,
            )
        )
    behaviour.clear()
    ran.clear()
    yield
    registry._kinds.clear()
    registry._kinds.update(before)


def make_job(*keys: str, kind: str = "test", target: str = "thing:1", stages: str = "") -> Job:
    """A job with a part of 10 units per key; `stages` has one digit per part, 0 unless given."""
    stages = stages or "0" * len(keys)
    return services.start_job(
        kind=kind,
        target=target,
        title="Test",
        parts=[
            services.PartSpec(key=key, total=10, stage=int(stage))
            for key, stage in zip(keys, stages, strict=True)
        ],
        created_at=NOON,
    )
