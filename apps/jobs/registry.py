"""Kinds of job. An app adds its own with one line in its `AppConfig.ready`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.module_loading import import_string

from apps.jobs.models import Job, JobPart


class Progress(Protocol):
    """Told by a part's handler how far it is; renews the lease and stops a cancelled job."""

    def __call__(self, done: int) -> None: ...


RunPart = Callable[[JobPart, Progress], dict[str, Any]]
Finish = Callable[[Job], dict[str, Any]]


@dataclass(frozen=True)
class JobKind:
    """How a kind of job is worked on.

    Attributes:
        name: as in `Job.kind`.
        run_part: dotted path of `(part, progress) -> result`; must be harmless when run twice.
        finish: dotted path of `(job) -> result`, run once all parts are done, in one short
            transaction (long work belongs in a last stage); may be empty.
        task: name of the Celery task that works on it, which decides its queue.
        keep_going: a failed part is reported but does not fail the job.
    """

    name: str
    run_part: str
    task: str
    finish: str = ""
    keep_going: bool = False

    def load_run_part(self) -> RunPart:
        handler: RunPart = import_string(self.run_part)
        return handler

    def load_finish(self) -> Finish | None:
        return import_string(self.finish) if self.finish else None


_kinds: dict[str, JobKind] = {}


def register(kind: JobKind) -> None:
    _kinds[kind.name] = kind


def kind_of(job: Job) -> JobKind:
    return _kinds[job.kind]
