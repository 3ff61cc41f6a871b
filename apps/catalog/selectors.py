"""Reads about collections, images and imports."""

from collections.abc import Callable

from django.conf import settings
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from PIL import Image as Pillow

from apps.accounts.models import User
from apps.catalog import imaging
from apps.catalog.models import (
    Caption,
    Collection,
    Image,
    ImageQuerySet,
    Import,
    ImportedFile,
    StagedFile,
)
from apps.common.errors import ConflictError, NotFoundError
from apps.common.storage import checked
from apps.jobs.models import JobPart, State

ImageViewer = Callable[[User, Image], bool]
_viewers: list[ImageViewer] = []


class UnknownCollectionError(NotFoundError):
    """There is no collection of that name."""

    code = "unknown_collection"


class NoOriginalError(ConflictError):
    """The image came with a release that has no image files."""

    code = "no_original"


def collections() -> QuerySet[Collection]:
    """All collections with `n_images`, `n_excluded` and `n_captions`, in one query."""
    members = Image.objects.filter(collection=OuterRef("pk"), ordinal__isnull=False).order_by()
    captions = Caption.objects.filter(
        image__collection=OuterRef("pk"), image__ordinal__isnull=False
    ).order_by()
    of_images = members.values("collection")
    of_captions = captions.values("image__collection")
    return Collection.objects.annotate(
        n_images=_number(of_images.annotate(n=Count("pk")).values("n")),
        n_excluded=_number(of_images.exclude(excluded="").annotate(n=Count("pk")).values("n")),
        n_captions=_number(of_captions.annotate(n=Count("pk")).values("n")),
    )


def _number(counts: QuerySet) -> Coalesce:  # type: ignore[type-arg]  # of any model, one column
    return Coalesce(Subquery(counts), Value(0), output_field=IntegerField())


def collection_named(*, slug: str) -> Collection:
    """The collection with its counts.

    Raises:
        UnknownCollectionError: there is none; the sentence names those that are there.
    """
    found = collections().filter(slug=slug).first()
    if found is None:
        raise UnknownCollectionError(unknown_collection_sentence(slug=slug), field="collection")
    return found


def unknown_collection_sentence(*, slug: str) -> str:
    known = list(Collection.objects.values_list("slug", flat=True)[:10])
    there = f"there are: {', '.join(known)}" if known else "there is none yet"
    return f"There is no collection {slug!r} ({there})."


def images_of(
    *, collection: Collection, search: str = "", excluded: str | None = None
) -> ImageQuerySet:
    """Members in the order of ordinals, with their captions.

    Args:
        collection: whose images.
        search: part of the image_id, the file's name or a caption; empty for all.
        excluded: a label, `none` for those that take part, `any` for those that do not.
    """
    images = Image.objects.members().filter(collection=collection).prefetch_related("captions")
    if search:
        captioned = Caption.objects.filter(
            image__collection=collection, text__icontains=search
        ).values("image")
        images = images.filter(
            Q(image_id__icontains=search) | Q(file_name__icontains=search) | Q(pk__in=captioned)
        )
    if excluded == "none":
        images = images.filter(excluded="")
    elif excluded == "any":
        images = images.exclude(excluded="")
    elif excluded:
        images = images.filter(excluded=excluded)
    return images


def register_image_viewer(viewer: ImageViewer) -> None:
    """Let `viewer(user, image)` say that a person who is no researcher may see an image.

    An app above calls this in its `AppConfig.ready`: catalog does not know why somebody may see
    an image. One yes is enough.
    """
    if viewer not in _viewers:
        _viewers.append(viewer)


def may_see_image(*, user: User, image: Image) -> bool:
    """Researchers and admins see all images, others those that a registered viewer grants."""
    return user.is_researcher or any(viewer(user, image) for viewer in _viewers)


def image_bytes(*, image: Image) -> bytes:
    """The original file, compared with the checksum in its row.

    Raises:
        NoOriginalError: the image has no file.
        DamagedFileError: the file is missing or differs.
    """
    if not image.original:
        raise NoOriginalError(f"The image {image.image_id} came without its file.")
    with checked(image.original, sha256=image.sha256) as file:
        return file.read()


def open_original(*, image: Image) -> Pillow.Image:
    """The original as upright 8-bit RGB (grey repeated, alpha over white), fully loaded.

    Raises:
        NoOriginalError: the image has no file.
        DamagedFileError: the file is missing or differs from its checksum.
        UnreadableImageError: it cannot be decoded.
    """
    upright, _ = imaging.open_upright(
        image_bytes(image=image), max_pixels=settings.IMPORT_MAX_PIXELS
    )
    return upright


def imports() -> QuerySet[Import]:
    """Imports, newest first, with the counts of their files and their job's progress."""
    files = ImportedFile.objects.filter(batch=OuterRef("pk")).order_by().values("batch")
    staged = StagedFile.objects.filter(batch=OuterRef("pk")).order_by().values("batch")
    parts = JobPart.objects.filter(job=OuterRef("job")).order_by().values("job")
    done = parts.annotate(units=Sum("done", filter=~Q(state=State.FAILED))).values("units")
    counts = {
        f"n_{outcome.value}": _number(
            files.filter(outcome=outcome).annotate(n=Count("pk")).values("n")
        )
        for outcome in ImportedFile.Outcome
    }
    return Import.objects.select_related("job__requested_by", "collection").annotate(
        n_staged=_number(staged.annotate(n=Count("pk")).values("n")),
        units_total=_number(parts.annotate(units=Sum("total")).values("units")),
        units_done=_number(done),
        **counts,
    )


def import_counts(*, batch: Import) -> dict[str, int]:
    """How many files have each outcome; uploads that are not started yet are waiting."""
    known = vars(batch) if "n_staged" in vars(batch) else vars(imports().get(pk=batch.pk))
    counts = {outcome.value: known[f"n_{outcome.value}"] for outcome in ImportedFile.Outcome}
    if batch.job_id is None:
        counts["waiting"] = known["n_staged"]
    return counts
