"""Import a release: everything, or nothing and one sentence that says where it is wrong."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from apps.analytics.release_reader import Folder, ReleaseError
from apps.analytics.services.importing.design import (
    read_design,
)
from apps.analytics.services.importing.images import (
    AttachedImages,
    attach_images,
)
from apps.analytics.services.importing.release import read_release
from apps.analytics.services.importing.rows import write_study
from apps.common.errors import ConflictError
from apps.studies.models import Study


class StudyExistsError(ConflictError):
    """A study has the address that the release's would get."""

    code = "study_exists"


@dataclass(frozen=True)
class Imported:
    """What an import made."""

    study: Study
    placeholder: bool  # a collection was made for the release's images
    images: AttachedImages


def import_study(*, path: Path, imported_at: datetime, slug: str = "") -> Imported:
    """Import a release: everything, or nothing and one sentence that says where it is wrong.

    Needs `study.json` with a name and `queries.csv`; all else has defaults (docs/metrics.md and
    the researcher's guide list them). Assessors become inactive people without a password.

    Args:
        path: the release folder.
        imported_at: stands in for times that the release does not give.
        slug: the study's address; made from its name when empty.

    Raises:
        ReleaseError: a file is wrong; names file, line and column.
        ChangedFileError: a file differs from its SHA-256 in study.json.
        StudyExistsError: there is a study of this address.
    """
    folder = Folder(path)
    design = read_design(folder=folder, imported_at=imported_at)
    address = slug or slugify(design.name)[:60].strip("-")
    if not address or address != slugify(address) or len(address) > 60:
        raise ReleaseError("Give --slug: 1 to 60 small letters, digits and hyphens.", field="slug")
    if Study.objects.filter(slug=address).exists():
        raise _exists(address)
    release = read_release(folder=folder, design=design)
    try:
        with transaction.atomic():
            study, placeholder = write_study(release=release, slug=address, imported_at=imported_at)
    except IntegrityError as error:
        if Study.objects.filter(slug=address).exists():  # made by somebody else meanwhile
            raise _exists(address) from error
        raise
    images = attach_images(folder=path, collection=study.collection)
    return Imported(study, placeholder, images)


def _exists(slug: str) -> StudyExistsError:
    return StudyExistsError(
        f"There is a study {slug!r} already; give another --slug.", field="slug"
    )
