"""Long work: one row per job, one per part. The rows are the truth; messages are hints."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class State(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (State.PENDING, State.RUNNING)


class JobQuerySet(models.QuerySet["Job"]):
    def unfinished(self) -> "JobQuerySet":
        return self.filter(state__in=UNFINISHED)

    def on(self, target: str) -> "JobQuerySet":
        return self.filter(target=target)


class Job(models.Model):
    """One piece of long work that a person asked for.

    `kind` names its handlers (see `apps.jobs.registry`), `target` what it works on
    (`collection:demo`, `study:thorax`), `params` all that its parts need to know.
    """

    kind = models.CharField(max_length=60)
    target = models.CharField(max_length=200, db_index=True)
    title = models.CharField(max_length=300)
    unit = models.CharField(max_length=30, default="parts")
    params = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    error = models.TextField(blank=True)
    result = models.JSONField(default=dict)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="job_state_is_known", condition=Q(state__in=[state.value for state in State])
            ),
            # Asking twice for the same work joins the job that runs already.
            models.UniqueConstraint(
                name="job_runs_once_per_target",
                fields=["kind", "target"],
                condition=Q(state__in=[state.value for state in UNFINISHED]),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class JobPart(models.Model):
    """The smallest unit that is done again when a worker dies.

    Parts of a stage may run side by side; a stage starts when the one before it is done.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="parts")
    stage = models.PositiveSmallIntegerField(default=0)
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=200)
    params = models.JSONField(default=dict)
    total = models.PositiveBigIntegerField(default=1)
    done = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    result = models.JSONField(default=dict)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["stage", "position"]
        constraints = [
            models.UniqueConstraint(name="part_key_is_unique_in_job", fields=["job", "key"]),
            models.CheckConstraint(
                name="part_state_is_known", condition=Q(state__in=[state.value for state in State])
            ),
            models.CheckConstraint(
                name="part_done_within_total", condition=Q(done__lte=F("total"))
            ),
        ]
        indexes = [models.Index(fields=["job", "state", "stage", "position"])]


class WorkerHeartbeat(models.Model):
    """A worker process that said it is alive."""

    name = models.CharField(max_length=200, unique=True)
    queues = models.CharField(max_length=200)
    device = models.CharField(max_length=100, blank=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
