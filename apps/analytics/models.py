"""What it means: reports are computed on read; releases are files with a row."""

from django.db import models

from apps.studies.models import Study


class Release(models.Model):
    """A release folder, zipped, as it was at one moment."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="releases")
    job = models.OneToOneField(
        "jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    file = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64)
    byte_size = models.PositiveBigIntegerField()
    with_names = models.BooleanField(default=False)
    n_judgments = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    @property
    def url(self) -> str:
        return f"/api/v1/releases/{self.pk}/download/"
