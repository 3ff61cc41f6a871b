"""A study in the middle of its judging, for `manage.py shell -c` in the program under load."""

import json
import sys
from uuid import NAMESPACE_URL, uuid5

from django.utils import timezone
from rest_framework.authtoken.models import Token

from apps.assessment.models import Judgment, Task
from apps.assessment.services import plan_assignments, recount_progress
from tests.factories import make_user
from tests.factories.assessment import make_pooled_study


def prepare(*, people: int, n_queries: int, n_candidates: int) -> None:
    """Everybody judges every pair and has judged the first half; writes their keys as JSON."""
    study = make_pooled_study(n_queries=n_queries, n_candidates=n_candidates, overlap=1.0)
    users = [make_user(f"person{number}", groups=("CS",)) for number in range(people)]
    plan_assignments(study=study, planned_at=timezone.now(), actor=None)
    for participant in study.participants.all():
        tasks = Task.objects.filter(assignment__participant=participant).order_by(
            "assignment__position", "position"
        )
        Judgment.objects.bulk_create(
            (
                Judgment(
                    uuid=uuid5(NAMESPACE_URL, f"{participant.pk}/{sequence}"),
                    task_id=task,
                    participant=participant,
                    level=1 + sequence % 5,
                    active_ms=3_000,
                    submitted_at=timezone.now(),
                    sequence=sequence,
                )
                for sequence, task in enumerate(
                    tasks.values_list("pk", flat=True)[: participant.n_tasks // 2], start=1
                )
            ),
            batch_size=2_000,
        )
    recount_progress(study=study)
    json.dump([Token.objects.create(user=user).key for user in users], sys.stdout)
