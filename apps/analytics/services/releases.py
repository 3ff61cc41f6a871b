"""Releases for the browser: a job writes the folder, zips it and keeps it in the storage."""

import tempfile
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from apps.analytics.models import Release
from apps.analytics.services.export import STEPS, export_study
from apps.common.storage import BLOCK, publish
from apps.jobs.models import Job, JobPart
from apps.jobs.registry import Progress
from apps.jobs.services import PartSpec, start_job
from apps.studies.models import Study

KIND = "export_release"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same folder gives the same zip


def request_release(
    *, study: Study, names: bool, requested_at: datetime, requested_by_id: int | None = None
) -> Job:
    """Start the job that makes a release, or return the one that is making it."""
    return start_job(
        kind=KIND,
        # One with names must not be taken for one without.
        target=f"study:{study.slug}" + (":names" if names else ""),
        title=f"Release of {study.name}" + (" with names" if names else ""),
        parts=[PartSpec("release", {"study": study.pk, "names": names}, total=STEPS + 2)],
        unit="steps",
        created_at=requested_at,
        requested_by_id=requested_by_id,
    )


def run_release_part(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Write, zip and publish the release; a second run publishes the same under its own name."""
    study = Study.objects.get(pk=part.params["study"])
    with tempfile.TemporaryDirectory(prefix="likeness-release-") as workplace:
        folder = Path(workplace) / study.slug
        n_judgments = export_study(
            study=study, folder=folder, names=part.params["names"], on_step=progress
        )
        path = Path(workplace) / "release.zip"
        _zip(folder, path)
        progress(STEPS + 1)
        size = path.stat().st_size
        with path.open("rb") as file:
            name = f"releases/{study.slug}-{part.job_id}.zip"
            sha256 = publish(name, file)
    return {"file": name, "sha256": sha256, "byte_size": size, "n_judgments": n_judgments}


def finish_release(job: Job) -> dict[str, Any]:
    """Make the row of the file that the job's one part published."""
    part = job.parts.get()
    release, _ = Release.objects.update_or_create(
        job=job,
        defaults={
            "study_id": part.params["study"],
            "with_names": part.params["names"],
            "created_at": timezone.now(),
            **part.result,
        },
    )
    return {"release": release.pk, "url": release.url}


def _zip(folder: Path, target: Path) -> None:
    """Zip a folder under its own name, files in order of their names."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if not path.is_file():
                continue
            entry = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder)}", _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as file:
                while block := source.read(BLOCK):
                    file.write(block)
