"""What is found: feature spaces and their shards, rankings, pools with their ledger."""

import uuid

from django.db import models

from apps.accounts.models import User
from apps.catalog.models import Collection, Image
from apps.studies.methods import LONGEST_NAME
from apps.studies.models import Query, Study


class FeatureSpace(models.Model):
    """One way to turn a collection's images into vectors.

    `version` names everything that decides the numbers (code, weights, preprocessing); another
    version is another space. Complete once `rows` equals the collection's number of ordinals.
    `dimensions` is 0 until a worker knows it (a backbone that only its first rows tell about).
    """

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="spaces")
    name = models.CharField(max_length=40)
    version = models.CharField(max_length=100)
    dimensions = models.PositiveIntegerField()
    dtype = models.CharField(max_length=10, default="float32")
    rows = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["collection", "name"]
        constraints = [
            models.UniqueConstraint(
                name="space_version_is_unique", fields=["collection", "name", "version"]
            )
        ]

    def __str__(self) -> str:
        return self.name


class Shard(models.Model):
    """Rows `start .. start + rows - 1` of a space; `sha256` is of the file. NaN rows are listed."""

    space = models.ForeignKey(FeatureSpace, on_delete=models.CASCADE, related_name="shards")
    start = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    file = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64)
    missing = models.JSONField(default=list)  # [[ordinal, reason], ...]
    provenance = models.JSONField(default=dict)  # device, package versions

    class Meta:
        ordering = ["space", "start"]
        constraints = [
            models.UniqueConstraint(name="shard_start_is_unique", fields=["space", "start"])
        ]


class LearnedModel(models.Model):
    """What a learned space's rows are computed with; `sha256` is of the file, an .npz.

    Learned once for a version, which names the sources and the number of rows it was learned on.
    """

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(max_length=40)
    version = models.CharField(max_length=100)
    file = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64)
    provenance = models.JSONField(default=dict)  # sources, images it was learned on, packages
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["collection", "name", "version"]
        constraints = [
            models.UniqueConstraint(
                name="learned_model_is_unique", fields=["collection", "name", "version"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class ScreeningModel(models.Model):
    """What a collection's illustrations are told by: learned from people's labels, an .npz."""

    collection = models.OneToOneField(
        Collection, on_delete=models.CASCADE, related_name="screening_model"
    )
    version = models.CharField(max_length=40)
    file = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64)
    spaces = models.JSONField()  # name -> primary key, in the order of the columns
    n_illustrations = models.PositiveIntegerField()
    n_kept = models.PositiveIntegerField()
    # In cross-validation over its own labels; None when undefined.
    precision = models.FloatField(null=True, blank=True)
    recall = models.FloatField(null=True, blank=True)
    trained_at = models.DateTimeField()

    class Meta:
        ordering = ["collection"]

    def __str__(self) -> str:
        return self.version


class Ranking(models.Model):
    """What one method answers to one query, best first.

    `images` holds primary keys of `Image`, `scores` as many numbers (higher is better; for a
    distance its negative), strictly decreasing after ties were broken by ordinal only in rank.
    """

    query = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="rankings")
    method = models.CharField(max_length=LONGEST_NAME)
    images = models.JSONField()
    scores = models.JSONField()
    # Of the space that was searched; a fusion's names those of its members, a run its SHA-256.
    version = models.TextField(blank=True)

    class Meta:
        ordering = ["query", "method"]
        constraints = [
            models.UniqueConstraint(name="ranking_is_unique", fields=["query", "method"])
        ]


class PoolEntry(models.Model):
    """A pair to judge: a candidate that at least one method found within the depth."""

    query = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="pool")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["query", "image"]
        verbose_name_plural = "pool entries"
        constraints = [
            models.UniqueConstraint(name="pool_entry_is_unique", fields=["query", "image"])
        ]


class PoolSource(models.Model):
    """The ledger: which method found a pair, at what rank, with what score."""

    entry = models.ForeignKey(PoolEntry, on_delete=models.CASCADE, related_name="sources")
    method = models.CharField(max_length=LONGEST_NAME)
    rank = models.PositiveIntegerField()
    score = models.FloatField()

    class Meta:
        ordering = ["entry", "method"]
        constraints = [
            models.UniqueConstraint(name="pool_source_is_unique", fields=["entry", "method"]),
            models.CheckConstraint(name="pool_rank_from_one", condition=models.Q(rank__gte=1)),
        ]


class Exploration(models.Model):
    """One image looked up with several methods at once, for the person who asked; kept for a day.

    The image is one that the collection knows, or a file that was dropped: then `original` and
    `display` name its two files in the storage. `results` has an object per method, as far as
    the worker is: `{"method", "ordinals", "scores", "error"}`.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"  # every method has answered, if only with a reason why not
        FAILED = "failed"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="explorations"
    )
    asked_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="explorations")
    image = models.ForeignKey(
        Image, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    file_name = models.CharField(max_length=200, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)  # upright, of a dropped file
    height = models.PositiveIntegerField(null=True, blank=True)
    original = models.CharField(max_length=300, blank=True)
    display = models.CharField(max_length=300, blank=True)
    methods = models.JSONField()
    depth = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    results = models.JSONField(default=list)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="exploration_state_is_known",
                condition=models.Q(state__in=["waiting", "running", "done", "failed"]),
            ),
            models.CheckConstraint(
                name="exploration_has_one_image",
                condition=models.Q(image__isnull=False, original="")
                | models.Q(image__isnull=True) & ~models.Q(original=""),
            ),
            models.CheckConstraint(
                name="exploration_depth_is_positive", condition=models.Q(depth__gte=1)
            ),
        ]
        indexes = [models.Index(fields=["asked_by", "-id"])]

    def __str__(self) -> str:
        return str(self.uuid)


class ForeignRun(models.Model):
    """A method that came as a TREC run file: kept whole, so that pools can be built again."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="foreign_runs")
    method = models.CharField(max_length=60)
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)  # of the file
    n_lines = models.PositiveIntegerField()
    in_pools = models.BooleanField(default=True)  # else it is only reported on
    imported_at = models.DateTimeField()
    imported_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["study", "method"]
        constraints = [
            models.UniqueConstraint(name="foreign_run_is_unique", fields=["study", "method"])
        ]

    def __str__(self) -> str:
        return self.method

    @property
    def version(self) -> str:
        return f"sha256:{self.sha256}"


class ForeignRanking(models.Model):
    """What a run lists for one query, best first, as the file says it.

    The query goes by its id: a draft's queries may be made anew. Images that are excluded, now
    or later, stay here and never enter a `Ranking`.
    """

    run = models.ForeignKey(ForeignRun, on_delete=models.CASCADE, related_name="rankings")
    query_id = models.CharField(max_length=60)
    images = models.JSONField()
    scores = models.JSONField()

    class Meta:
        ordering = ["run", "query_id"]
        constraints = [
            models.UniqueConstraint(name="foreign_ranking_is_unique", fields=["run", "query_id"])
        ]
