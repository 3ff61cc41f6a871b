"""Celery: parts of extraction and pooling where the GPUs are; explorations on their own queue."""

import logging

from celery import current_app, shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.jobs.broker import broker_asked_once
from apps.jobs.tasks import work_on
from apps.retrieval import services
from apps.retrieval.models import Exploration

logger = logging.getLogger(__name__)

# A shard of ResNet-50 on a slow processor takes longer than other parts may. A broker that sends
# the message again meanwhile does no harm: the part is leased, so the copy finds nothing to do.
PART_SECONDS = 6 * 3600


@shared_task(soft_time_limit=PART_SECONDS, time_limit=PART_SECONDS + 60)
def work_on_job_task(*, job_id: int) -> None:
    work_on(job_id)


# The pool `solo` knows no time limits: the service looks at the clock between blocks of rows.
@shared_task
def explore_task(*, exploration_id: int) -> None:
    services.run_exploration(exploration_id=exploration_id)


@shared_task
def sweep_explorations_task() -> None:
    services.sweep_explorations(now=timezone.now())


def announce_exploration(*, exploration: Exploration) -> None:
    """After the commit, ask a worker; a broker that takes no message is the answer then."""

    def send() -> None:
        try:
            with broker_asked_once() as broker:
                current_app.send_task(
                    explore_task.name,
                    kwargs={"exploration_id": exploration.pk},
                    expires=settings.EXPLORATION_SECONDS,
                    connection=broker,
                )
        except Exception as error:
            logger.warning("No broker took the message for an exploration: %r", error)
            services.fail_exploration(
                exploration=exploration,
                sentence="The broker took no message: no worker can be asked at the moment.",
                failed_at=timezone.now(),
            )

    transaction.on_commit(send)
