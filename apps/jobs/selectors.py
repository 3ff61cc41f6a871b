"""Reads about long work and the workers that do it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import BigIntegerField, Count, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from apps.jobs.models import UNFINISHED, Job, JobPart, JobQuerySet, State, WorkerHeartbeat

SHOWN_PARTS = 500
JOB_QUEUES = ("cpu", "gpu")


@dataclass(frozen=True)
class Progress:
    """How far a job is, in its own unit; `rate` is units per second since it started."""

    done: int
    total: int
    rate: float | None
    seconds_left: float | None


def jobs_with_progress() -> JobQuerySet:
    """Jobs with their sums in the same query: a list costs no query per job."""
    parts = JobPart.objects.filter(job=OuterRef("pk")).order_by().values("job")
    total = parts.annotate(units=Sum("total")).values("units")
    done = parts.annotate(units=Sum("done", filter=~Q(state=State.FAILED))).values("units")
    none = Value(0, output_field=BigIntegerField())
    return Job.objects.select_related("requested_by").annotate(
        units_total=Coalesce(Subquery(total), none), units_done=Coalesce(Subquery(done), none)
    )


def progress_of(*, job: Job, now: datetime) -> Progress:
    """How far a job is; without a query when it comes from `jobs_with_progress`."""
    known = vars(job)
    if "units_total" in known:
        done, total = known["units_done"], known["units_total"]
    else:
        sums = job.parts.aggregate(
            total=Sum("total"), done=Sum("done", filter=~Q(state=State.FAILED))
        )
        done, total = sums["done"] or 0, sums["total"] or 0
    rate = None
    if job.started_at is not None:
        seconds = ((job.finished_at or now) - job.started_at).total_seconds()
        rate = done / seconds if seconds > 0 and done else None
    left = (total - done) / rate if rate and job.state == State.RUNNING else None
    return Progress(done=done, total=total, rate=rate, seconds_left=left)


def parts_by_state(*, job: Job) -> dict[str, int]:
    counts = dict.fromkeys((state.value for state in State), 0)
    rows = job.parts.order_by().values_list("state").annotate(n=Count("pk"))
    return counts | dict(rows)


def first_parts(*, job: Job) -> list[JobPart]:
    """At most `SHOWN_PARTS` parts, failed ones first, then in their order."""
    failed = list(job.parts.filter(state=State.FAILED)[:SHOWN_PARTS])
    rest = job.parts.exclude(state=State.FAILED)[: SHOWN_PARTS - len(failed)]
    return failed + list(rest)


def free_parts(*, job: Job) -> QuerySet[JobPart]:
    """Parts that nobody holds, of the earliest unfinished stage only."""
    first_open = (
        job.parts.filter(state__in=UNFINISHED).order_by("stage").values_list("stage", flat=True)
    ).first()
    free = job.parts.filter(state=State.PENDING)
    return free.none() if first_open is None else free.filter(stage=first_open)


def jobs_needing_work(*, now: datetime) -> JobQuerySet:
    """Unfinished jobs at which nobody works: a message was lost, or its worker."""
    held = JobPart.objects.filter(state=State.RUNNING, leased_until__gte=now)
    return Job.objects.unfinished().exclude(pk__in=held.values("job")).order_by("pk")


def workers_alive(*, now: datetime, queues: Sequence[str] = ()) -> QuerySet[WorkerHeartbeat]:
    """Workers that spoke within the last seconds: all, or those that serve one of `queues`."""
    since = now - timedelta(seconds=settings.WORKER_SILENT_AFTER_SECONDS)
    alive = WorkerHeartbeat.objects.filter(seen_at__gte=since).order_by("name")
    if queues:
        alive = alive.filter(queues__regex=rf"(^|,)({'|'.join(queues)})(,|$)")
    return alive


def job_workers_alive(*, now: datetime) -> QuerySet[WorkerHeartbeat]:
    """Those that do parts of jobs; a worker that only explores moves no job."""
    return workers_alive(now=now, queues=JOB_QUEUES)
