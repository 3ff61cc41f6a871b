"""What is asked: studies, categories, queries, guidelines."""

from django.db import models
from django.db.models import Q

from apps.accounts.models import ExpertiseGroup
from apps.catalog.models import Collection, Image


class Study(models.Model):
    """One experiment on one collection."""

    class State(models.TextChoices):
        DRAFT = "draft"  # the design may change
        OPEN = "open"  # planned: assessors judge
        CLOSED = "closed"  # judging has ended

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="studies")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    protocol = models.CharField(max_length=40, default="graded_pair")
    # [{"level": 5, "name": "Very similar", "description": "..."}], highest first.
    scale = models.JSONField()
    # ["1-2345", "12-345", ...]: the cuts of the scale that the report shows.
    aggregations = models.JSONField()
    # The cut that decides relevance.
    relevance = models.CharField(max_length=40, default="12-345")
    methods = models.JSONField()  # names, in the order of the report
    depth = models.PositiveIntegerField(default=50)
    ranking_depth = models.PositiveIntegerField(default=500)  # how deep rankings are kept
    overlap = models.FloatField(default=0.10)
    seed = models.PositiveBigIntegerField(default=0)
    is_simulated = models.BooleanField(default=False)
    # Where its judgments come from when not from this site: {"kind": "labels" | "release" | ...}.
    provenance = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["slug"]
        verbose_name_plural = "studies"
        constraints = [
            models.CheckConstraint(name="study_depth_is_positive", condition=Q(depth__gte=1)),
            models.CheckConstraint(
                name="study_ranking_covers_pool", condition=Q(ranking_depth__gte=models.F("depth"))
            ),
            models.CheckConstraint(
                name="study_overlap_is_a_share", condition=Q(overlap__gte=0) & Q(overlap__lte=1)
            ),
            models.CheckConstraint(
                name="study_state_is_known", condition=Q(state__in=["draft", "open", "closed"])
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Category(models.Model):
    """A group of queries with its own assessors and guidelines."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="categories")
    name = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField()
    groups = models.ManyToManyField(ExpertiseGroup, related_name="categories", blank=True)
    guidelines = models.TextField(blank=True)  # Markdown
    guideline_version = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["study", "position"]
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(name="category_is_unique_in_study", fields=["study", "name"]),
            models.CheckConstraint(
                name="category_is_not_all", condition=~Q(name__iexact="all") & ~Q(name="")
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Query(models.Model):
    """An image that the study asks about."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="queries")
    category = models.ForeignKey(Category, on_delete=models.CASCADE, related_name="queries")
    query_id = models.CharField(max_length=60)
    position = models.PositiveIntegerField()
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="queries")

    class Meta:
        ordering = ["study", "position"]
        verbose_name_plural = "queries"
        constraints = [
            models.UniqueConstraint(name="query_id_is_unique", fields=["study", "query_id"]),
            models.UniqueConstraint(name="query_image_is_unique", fields=["study", "image"]),
        ]

    def __str__(self) -> str:
        return self.query_id
