"""Celery: the parts of a release."""

from celery import shared_task

from apps.jobs.tasks import work_on


@shared_task
def work_on_job_task(*, job_id: int) -> None:
    work_on(job_id)
