"""Celery: the reconciler, and what every app's own task does with a job."""

import logging
import os
import socket

from celery import current_app, shared_task
from django.db import transaction
from django.utils import timezone

from apps.jobs import places, registry, selectors, services
from apps.jobs.broker import broker_asked_once
from apps.jobs.models import UNFINISHED, Job, State

logger = logging.getLogger(__name__)

SIDE_BY_SIDE = 8  # messages sent at a job's start; each brings its successor
MESSAGE_EXPIRES_SECONDS = 300


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def work_on(job_id: int) -> None:
    """One part, then a fresh message for the next: a message never lives long."""
    job = Job.objects.get(pk=job_id)
    try:
        places.check_place(job=job)
    except places.OtherFilesError as error:  # others may be right; the reconciler asks them
        logger.error("%s", error)
        return
    part = services.claim_part(job=job, worker=worker_name(), now=timezone.now())
    if part is not None:
        services.run_claimed_part(part=part)
    job = services.settle_job(job=job, now=timezone.now())
    if part is not None and job.state in UNFINISHED:
        enqueue(job=job)


def enqueue(*, job: Job, copies: int = 1) -> None:
    """Ask workers to look at a job. A lost message is made good by the reconciler."""
    with broker_asked_once() as broker:
        for _ in range(copies):
            current_app.send_task(
                registry.kind_of(job).task,
                kwargs={"job_id": job.pk},
                # Messages that waited long would only crowd the queue: the reconciler sends
                # fresh ones.
                expires=MESSAGE_EXPIRES_SECONDS,
                connection=broker,
            )


def announce(*, job: Job) -> None:
    """After the commit, ask several workers at once, so that parts run side by side.

    A broker that does not answer costs one attempt and no error: the reconciler asks again.
    """
    copies = min(job.parts.filter(state=State.PENDING).count(), SIDE_BY_SIDE)

    def send() -> None:
        try:
            enqueue(job=job, copies=max(copies, 1))
        except Exception as error:
            logger.warning("No broker took the message for job %s: %r", job.pk, error)

    transaction.on_commit(send)


@shared_task
def reconcile_jobs_task() -> None:
    """Ask anew for the jobs at which nobody works, whatever became of their messages."""
    for job in selectors.jobs_needing_work(now=timezone.now()):
        announce(job=job)
