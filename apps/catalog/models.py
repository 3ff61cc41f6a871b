"""What is searched: collections, their images and captions, and imports."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.catalog.imaging import THUMB_SIDE


class Collection(models.Model):
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class ImageQuerySet(models.QuerySet["Image"]):
    def members(self) -> "ImageQuerySet":
        """Images of the collection itself, in the order of feature rows."""
        return self.filter(ordinal__isnull=False).order_by("ordinal")

    def searchable(self) -> "ImageQuerySet":
        """Members that take part: not screened out."""
        return self.members().filter(excluded="")


class Image(models.Model):
    """One image. `image_id`, `sha256` and `ordinal` are fixed at import.

    An image without an ordinal was uploaded as a query: it has features but is never a result.
    An image without an original came with a release that has no images.
    """

    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="images")
    image_id = models.CharField(max_length=300)
    ordinal = models.PositiveIntegerField(null=True, blank=True)
    # What an assessor's browser sees instead of the image_id: it says nothing.
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    file_name = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    byte_size = models.PositiveBigIntegerField(null=True, blank=True)
    format = models.CharField(max_length=10, blank=True)
    # Upright, after EXIF orientation.
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    original = models.CharField(max_length=300, blank=True)  # name in the storage
    metadata = models.JSONField(default=dict, blank=True)
    # Why it does not take part (screening): empty, or illustration, multipanel, or a label.
    excluded = models.CharField(max_length=60, blank=True)
    has_derivatives = models.BooleanField(default=False)

    objects = ImageQuerySet.as_manager()

    class Meta:
        ordering = ["collection", "ordinal"]
        constraints = [
            models.UniqueConstraint(
                name="image_id_is_unique_in_collection", fields=["collection", "image_id"]
            ),
            models.UniqueConstraint(
                name="ordinal_is_unique_in_collection", fields=["collection", "ordinal"]
            ),
            models.CheckConstraint(name="image_id_is_not_empty", condition=~Q(image_id="")),
        ]
        indexes = [models.Index(fields=["collection", "sha256"])]

    def __str__(self) -> str:
        return self.image_id

    @property
    def thumb_name(self) -> str:
        return f"derivatives/{self.uuid.hex[:2]}/{self.uuid.hex}/thumb.webp"

    @property
    def display_name(self) -> str:
        """The same file as the thumbnail where the image is no larger than one."""
        if max(self.width or 0, self.height or 0) <= THUMB_SIDE:
            return self.thumb_name
        return f"derivatives/{self.uuid.hex[:2]}/{self.uuid.hex}/display.webp"

    @property
    def thumb_url(self) -> str:
        return f"/api/v1/images/{self.uuid}/thumb/"

    @property
    def image_url(self) -> str:
        return f"/api/v1/images/{self.uuid}/display/"


class Screening(models.Model):
    """What people and the machine say about one image taking part; people are right.

    `Image.excluded` follows from it: from the label where there is one, else from the prediction.
    """

    KEEP = "keep"
    ILLUSTRATION = "illustration"
    MULTIPANEL = "multipanel"

    image = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="screening")
    # By a person: keep, or why it does not take part; empty: nobody said anything.
    label = models.CharField(max_length=60, blank=True)
    labelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    labelled_at = models.DateTimeField(null=True, blank=True)  # None: before labels were kept
    # By the machine: keep, illustration or multipanel; empty: not looked at yet.
    predicted = models.CharField(max_length=12, blank=True)
    illustration = models.FloatField(null=True, blank=True)  # probability
    several = models.FloatField(null=True, blank=True)  # probability of several panels
    boxes = models.JSONField(default=list, blank=True)  # [left, top, width, height], shares of 1
    panels_version = models.CharField(max_length=40, blank=True)
    problem = models.CharField(max_length=300, blank=True)  # why no panels were looked for
    doubt = models.FloatField(default=0.0)  # 0: sure, 1: might be either

    class Meta:
        ordering = ["image"]
        constraints = [
            models.CheckConstraint(
                name="doubt_is_a_share", condition=Q(doubt__gte=0) & Q(doubt__lte=1)
            )
        ]

    @property
    def excluded(self) -> str:
        """What `Image.excluded` has to be."""
        verdict = self.label or self.predicted
        return "" if verdict == self.KEEP else verdict


class Caption(models.Model):
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="captions")
    position = models.PositiveSmallIntegerField()
    text = models.TextField()

    class Meta:
        ordering = ["image", "position"]
        constraints = [
            models.UniqueConstraint(name="caption_position_is_unique", fields=["image", "position"])
        ]


class Import(models.Model):
    """One run of adding files to a collection, with what became of each file."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="imports")
    job = models.OneToOneField(
        "jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    source = models.CharField(max_length=500)  # as the person named it
    staged = models.BooleanField(default=False)  # uploads wait in the storage until imported
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]


class StagedFile(models.Model):
    """An upload that waits in the storage until its import has read it."""

    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="staged_files")
    file_name = models.CharField(max_length=500)  # relative to the folder that was chosen
    stored = models.CharField(max_length=300)
    byte_size = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["batch", "file_name"]
        constraints = [
            models.UniqueConstraint(name="staged_name_is_unique", fields=["batch", "file_name"])
        ]


class ImportedFile(models.Model):
    """What became of one file: imported, the same bytes as an image that is here, or rejected."""

    class Outcome(models.TextChoices):
        WAITING = "waiting"
        IMPORTED = "imported"
        DUPLICATE = "duplicate"
        REJECTED = "rejected"

    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="files")
    position = models.PositiveIntegerField()
    file_name = models.CharField(max_length=500)
    requested_id = models.CharField(max_length=300)  # its image_id, should it be imported
    line = models.PositiveIntegerField(null=True, blank=True)  # in the manifest
    metadata = models.JSONField(default=dict, blank=True)
    captions = models.JSONField(default=list, blank=True)
    # Where its bytes are: see `apps.catalog.sources.open_content`.
    location = models.JSONField(default=list, blank=True)
    # The uuid of its image, should it be imported: derivatives are stored under it beforehand.
    image_uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    # What decoding found (sha256, byte_size, format, width, height), until the image is made.
    decoded = models.JSONField(default=dict, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    reason = models.CharField(max_length=300, blank=True)
    image = models.ForeignKey(
        Image, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["batch", "position"]
        constraints = [
            models.UniqueConstraint(name="import_position_is_unique", fields=["batch", "position"])
        ]
        indexes = [models.Index(fields=["batch", "outcome", "position"])]
