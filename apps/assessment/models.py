"""What people say: who judges what, in which order, and every judgment ever made."""

import uuid

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.retrieval.models import PoolEntry
from apps.studies.models import Query, Study


class Participant(models.Model):
    """A person in a study, under the pseudonym that releases show."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="participants")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="participations")
    pseudonym = models.CharField(max_length=100)
    # Expertise groups at the time of the plan, as names: people may change groups later.
    groups = models.JSONField(default=list)
    # Kept with every plan and judgment, under this row's lock, so that "214 of 1,380" and the
    # next sequence number cost no count. `services.recount_progress` derives them anew.
    n_tasks = models.PositiveIntegerField(default=0)
    n_done = models.PositiveIntegerField(default=0)  # tasks with a judgment, revised or not
    last_sequence = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["study", "pseudonym"]
        constraints = [
            models.UniqueConstraint(name="participant_is_unique", fields=["study", "user"]),
            models.UniqueConstraint(name="pseudonym_is_unique", fields=["study", "pseudonym"]),
            models.CheckConstraint(
                name="participant_done_within_tasks", condition=Q(n_done__lte=F("n_tasks"))
            ),
        ]

    def __str__(self) -> str:
        return self.pseudonym


class Assignment(models.Model):
    """One assessor is to judge one query's pool."""

    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="assignments"
    )
    query = models.ForeignKey(Query, on_delete=models.PROTECT, related_name="assignments")
    common = models.BooleanField(default=False)  # judged by the whole category
    position = models.PositiveIntegerField()  # of the query in the assessor's own order, from 1
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["participant", "position"]
        constraints = [
            models.UniqueConstraint(name="assignment_is_unique", fields=["participant", "query"]),
            models.UniqueConstraint(
                name="assignment_position_is_unique", fields=["participant", "position"]
            ),
        ]


class Task(models.Model):
    """One pair for one assessor. Its uuid is all that the browser gets to know."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="tasks")
    entry = models.ForeignKey(PoolEntry, on_delete=models.PROTECT, related_name="tasks")
    position = models.PositiveIntegerField()  # from 1; random per assessor, fixed by the seed

    class Meta:
        ordering = ["assignment", "position"]
        constraints = [
            models.UniqueConstraint(name="task_pair_is_unique", fields=["assignment", "entry"]),
            models.UniqueConstraint(
                name="task_position_is_unique", fields=["assignment", "position"]
            ),
        ]


class JudgmentQuerySet(models.QuerySet["Judgment"]):
    def current(self) -> "JudgmentQuerySet":
        """Without those that a later revision replaced."""
        return self.filter(revised_by__isnull=True)

    def of_study(self, study: Study) -> "JudgmentQuerySet":
        return self.filter(task__assignment__query__study=study)


class Judgment(models.Model):
    """What an assessor said about a pair. Append-only: a revision is a new row.

    `id` is the database's own order of arrival; the client's clock is stored and never trusted.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True)  # made by the client: the idempotency key
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="judgments")
    # Always the task's own participant (a trigger holds it): here for the order of a session.
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="judgments")
    # A level of the study's scale, or empty with the reason why the pair cannot be judged.
    level = models.PositiveSmallIntegerField(null=True, blank=True)
    unjudgeable = models.CharField(max_length=60, blank=True)
    note = models.TextField(blank=True)
    active_ms = models.PositiveIntegerField(null=True, blank=True)
    hidden_ms = models.PositiveIntegerField(null=True, blank=True)
    client_time = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField()
    # The how-many-th judgment of this assessor in this study, from 1: the order within a session.
    sequence = models.PositiveIntegerField()
    revision = models.PositiveSmallIntegerField(default=1)
    revises = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="revised_by"
    )
    guideline_version = models.PositiveSmallIntegerField(default=1)
    body_sha256 = models.CharField(max_length=64, blank=True)  # of the request, for retries

    objects = JudgmentQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="judgment_is_level_or_reason",
                condition=(Q(level__isnull=False) & Q(unjudgeable=""))
                | (Q(level__isnull=True) & ~Q(unjudgeable="")),
            ),
            models.CheckConstraint(
                name="judgment_level_in_any_scale",
                condition=Q(level__isnull=True) | (Q(level__gte=1) & Q(level__lte=11)),
            ),
            models.UniqueConstraint(name="judgment_history_is_linear", fields=["task", "revision"]),
            models.UniqueConstraint(
                name="judgment_sequence_is_unique", fields=["participant", "sequence"]
            ),
            models.CheckConstraint(
                name="judgment_revision_names_its_predecessor",
                condition=(Q(revision=1) & Q(revises__isnull=True))
                | (Q(revision__gt=1) & Q(revises__isnull=False)),
            ),
        ]
