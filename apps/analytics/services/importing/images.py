"""The images of a release: a collection that is here already, or a placeholder for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

from django.db.models import QuerySet
from django.utils.text import slugify

from apps.analytics.release_reader import Folder, ReleaseError
from apps.analytics.selectors import release
from apps.analytics.services.export import image_file, table_lines
from apps.catalog.imaging import UnreadableImageError
from apps.catalog.models import Caption, Collection, Image
from apps.catalog.services.images import Keeper, decode

BATCH = 2_000


@dataclass(frozen=True)
class AttachedImages:
    """What became of the files in a release's images/ folder."""

    attached: int
    unreadable: list[str]  # image_id: reason


def matching_collection(*, folder: Folder, name: str, asked: Iterable[str]) -> Collection | None:
    """A collection whose images.csv and captions.csv would be the release's to the byte."""
    if not folder.has("images.csv"):
        return None
    wanted = list(asked)
    for collection in Collection.objects.filter(name=name).order_by("pk"):
        of_queries = Image.objects.filter(collection=collection, image_id__in=wanted)
        if _same_tables(folder, collection, of_queries):
            return collection
    return None


def _same_tables(folder: Folder, collection: Collection, asked: QuerySet[Image]) -> bool:
    tables = {
        "images.csv": release.image_rows(collection=collection, asked=asked),
        "captions.csv": release.caption_rows(collection=collection, asked=asked),
    }
    for name, rows in tables.items():
        lines: Iterable[str] = table_lines(name=name, rows=rows)
        if not folder.has(name):
            if next(iter(rows), None) is not None:
                return False
            continue
        with (folder.path / name).open("rb") as file:
            text = (part for line in lines for part in line.encode().splitlines(keepends=True))
            there = (part for line in file for part in line.splitlines(keepends=True))
            if any(a != b for a, b in zip_longest(text, there)):
                return False
    return True


def free_slug(wanted: str) -> str:
    """`wanted`, or with the first number that makes it a new collection's address."""
    slug, number = wanted[:60].strip("-"), 1
    while Collection.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{wanted[:56].strip('-')}-{number}"
    return slug


def make_collection(
    *,
    folder: Folder,
    name: str,
    description: str,
    slug: str,
    created_at: datetime,
    results: set[str],
    asked: set[str],
) -> Collection:
    """A placeholder collection: image rows without originals, from images.csv or from the ids.

    Args:
        folder: the release.
        name: of the collection.
        description: of the collection.
        slug: what its address should be.
        created_at: when.
        results: image_ids that rankings, pools and judgments name.
        asked: image_ids of queries; those that are never a result get no ordinal.
    """
    collection = Collection.objects.create(
        slug=free_slug(slugify(slug)), name=name, description=description, created_at=created_at
    )
    if folder.has("images.csv"):
        images = _images_of_table(folder, collection)
    else:
        images = _images_of_ids(collection, results, asked)
    batch: list[Image] = []
    for image in images:
        batch.append(image)
        if len(batch) >= BATCH:
            Image.objects.bulk_create(batch)
            batch.clear()
    Image.objects.bulk_create(batch)
    _add_captions(folder, collection)
    return collection


def _images_of_ids(collection: Collection, results: set[str], asked: set[str]) -> Iterable[Image]:
    ordinals = {image_id: ordinal for ordinal, image_id in enumerate(sorted(results))}
    for image_id in sorted(results | asked):
        yield Image(
            collection=collection,
            image_id=image_id,
            file_name=image_id,
            ordinal=ordinals.get(image_id),
        )


def _images_of_table(folder: Folder, collection: Collection) -> Iterable[Image]:
    seen: set[str] = set()
    ordinals: set[int] = set()
    for place, row in enumerate(folder.rows("images.csv", required=["image_id"])):
        image_id = row.text("image_id", most=300)
        if image_id in seen:
            row.refuse("image_id", "must not occur twice")
        seen.add(image_id)
        ordinal = row.whole("ordinal") if "ordinal" in row.cells else place
        if ordinal is not None:
            if ordinal in ordinals:
                row.refuse("ordinal", "must not occur twice")
            ordinals.add(ordinal)
        yield Image(
            collection=collection,
            image_id=image_id,
            file_name=row.text("file_name", most=500, default=image_id),
            sha256=row.text("sha256", most=64, default=""),
            width=row.whole("width", least=1),
            height=row.whole("height", least=1),
            excluded=row.text("excluded", most=60, default=""),
            ordinal=ordinal,
            metadata=row.json("metadata"),
        )


def _add_captions(folder: Folder, collection: Collection) -> None:
    if not folder.has("captions.csv"):
        return
    pk_of = dict(Image.objects.filter(collection=collection).values_list("image_id", "pk"))
    places: dict[str, set[int]] = {}
    batch: list[Caption] = []
    for row in folder.rows("captions.csv", required=["image_id", "caption"]):
        image_id = row.text("image_id", most=300)
        if image_id not in pk_of:
            row.refuse("image_id", "must be in images.csv")
        taken = places.setdefault(image_id, set())
        position = row.whole("position", most=32_767)
        position = len(taken) if position is None else position
        if position in taken:
            row.refuse("position", "must not occur twice for an image")
        taken.add(position)
        text = row.text("caption", most=100_000)
        batch.append(Caption(image_id=pk_of[image_id], position=position, text=text))
        if len(batch) >= BATCH:
            Caption.objects.bulk_create(batch)
            batch.clear()
    Caption.objects.bulk_create(batch)


def attach_images(*, folder: Path, collection: Collection) -> AttachedImages:
    """Give image rows without an original the file that the release's images/ folder has.

    A file is known by its checksum in images.csv, or by the image_id where there is none.
    Harmless when run twice.

    Raises:
        ReleaseError: a file is not the one that its image's checksum names.
    """
    attached, unreadable = 0, []
    if not (folder / "images").is_dir():
        return AttachedImages(0, [])
    for image in Image.objects.filter(collection=collection, original="").order_by("pk"):
        path = _file_of(folder, image)
        if path is None:
            continue
        content = path.read_bytes()
        try:
            picture = decode(content)
        except UnreadableImageError as error:
            unreadable.append(f"{image.image_id}: {error}")
            continue
        with Keeper() as keeper:
            fields = keeper.keep(content=content, picture=picture, uuid=image.uuid)
        if image.sha256 and fields["sha256"] != image.sha256:
            raise ReleaseError(
                f"It is not the file whose SHA-256 images.csv gives for {image.image_id}.",
                field="sha256",
                where=str(path.relative_to(folder)),
            )
        for name, value in fields.items():
            if getattr(image, name) in (None, "", False):  # what the release says stays
                setattr(image, name, value)
        image.save(update_fields=list(fields))
        attached += 1
    return AttachedImages(attached, unreadable)


def _file_of(folder: Path, image: Image) -> Path | None:
    inside = (folder / "images").resolve()
    names = [f"images/{image.image_id}"]
    if image.sha256:
        names.insert(0, image_file(sha256=image.sha256, file_name=image.file_name))
    for name in names:
        try:
            path = (folder / name).resolve()
        except (OSError, ValueError):
            continue
        if path.is_relative_to(inside) and path.is_file():
            return path
    return None
