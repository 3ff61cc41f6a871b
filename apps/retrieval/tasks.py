"""Celery: any part of extraction or pooling, on the queue of the machines with a GPU."""

from celery import shared_task

from apps.jobs.tasks import work_on

# A shard of ResNet-50 on a slow processor takes longer than other parts may. A broker that sends
# the message again meanwhile does no harm: the part is leased, so the copy finds nothing to do.
PART_SECONDS = 6 * 3600


@shared_task(soft_time_limit=PART_SECONDS, time_limit=PART_SECONDS + 60)
def work_on_job_task(*, job_id: int) -> None:
    work_on(job_id)
