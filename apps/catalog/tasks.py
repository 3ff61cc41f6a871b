"""Celery: a part of an import."""

from celery import shared_task

from apps.jobs import tasks


@shared_task
def work_on_job_task(*, job_id: int) -> None:
    tasks.work_on(job_id)
