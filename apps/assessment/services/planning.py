"""Who is to judge what. The plan is drawn up by selectors and `compute`; here it becomes rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice

from django.db import transaction

from apps.accounts.models import User
from apps.accounts.services import record_event
from apps.assessment.models import Assignment, Judgment, Participant, Task
from apps.assessment.selectors import (
    DraftPlan,
    PlanSummary,
    draft_plan,
    is_stored,
    plan_of,
    summary_of,
)
from apps.assessment.services.judging import StudyClosedError
from apps.common.errors import ConflictError
from apps.studies.models import Study

BATCH = 2_000  # rows in one INSERT


class JudgingHasBegunError(ConflictError):
    """Another plan would take judged pairs away."""

    code = "judging_has_begun"


@transaction.atomic
def plan_assignments(
    *,
    study: Study,
    planned_at: datetime,
    actor: User | None,
    preview: bool = False,
    members: Mapping[str, Sequence[User]] | None = None,
) -> PlanSummary:
    """Deal the study's queries out to the people of its groups, and open it for judging.

    A random share of each category's queries is common, the rest is balanced (see
    `compute.workload`). Every assessor meets the own queries in an own random order, and the
    candidates of a query in another. All of it is decided by the study's seed, the names of its
    categories, queries and images, and who is in the groups: the same again is the same plan,
    and changes nothing.

    Args:
        study: with queries and pools.
        planned_at: for the audit log.
        actor: who plans; None for the command line.
        preview: give the same numbers and write nothing.
        members: by group, who takes part, for studies that programs judge; otherwise the active
            people of the group, whatever their role.

    Raises:
        StudyClosedError: judging has ended.
        NoQueriesError: the study has no queries.
        NoPoolsError: a query has no pool.
        NoAssessorsError: a category with queries names no group, or nobody is in its groups.
        JudgingHasBegunError: there are judgments and this is another plan.
    """
    locked = Study.objects.select_for_update().get(pk=study.pk)
    if locked.state == Study.State.CLOSED:
        raise StudyClosedError("This study is closed: reopen it before planning.")
    plan = draft_plan(study=locked, members=members)
    if preview:
        return summary_of(plan=plan)
    if not is_stored(plan=plan):
        judged = Judgment.objects.filter(participant__study=locked).count()
        if judged:
            raise JudgingHasBegunError(
                f"Judging has begun ({judged:,} so far), and the plan would now be another, "
                "because the groups, queries, pools, overlap or seed have changed: put them back, "
                "or make a new study."
            )
        _forget_plan(locked)
        _store_plan(plan)
        record_event(
            actor=actor,
            action="study.plan",
            object=f"study:{locked.slug}",
            at=planned_at,
            detail={
                "assessors": len(plan.assessors),
                "pairs": sum(plan.workload.loads.values()),
                "seed": locked.seed,
            },
        )
    if locked.state == Study.State.DRAFT:
        locked.state = Study.State.OPEN
        locked.save(update_fields=["state"])
    return plan_of(study=locked)


def _forget_plan(study: Study) -> None:
    Task.objects.filter(assignment__participant__study=study).delete()
    Assignment.objects.filter(participant__study=study).delete()
    study.participants.all().delete()


def _store_plan(plan: DraftPlan) -> None:
    participants = {
        own.pseudonym: own
        for own in Participant.objects.bulk_create(
            Participant(
                study=plan.study,
                user=assessor.user,
                pseudonym=assessor.pseudonym,
                groups=assessor.groups,
                n_tasks=plan.workload.loads[assessor.user.username],
            )
            for assessor in plan.assessors
        )
    }
    assignments = {
        (own.participant.pseudonym, own.query_id): own
        for own in Assignment.objects.bulk_create(
            (
                Assignment(
                    participant=participants[place.pseudonym],
                    query=place.query,
                    common=place.common,
                    position=place.position,
                )
                for place in plan.places
            ),
            batch_size=BATCH,
        )
    }
    rows = plan.task_rows()
    while some := list(islice(rows, BATCH)):
        Task.objects.bulk_create(
            Task(assignment=assignments[pseudonym, query], entry_id=entry, position=position)
            for pseudonym, query, entry, position in some
        )
