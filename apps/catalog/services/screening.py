"""Screening: what people say of images, what a model says, and who is right (people are)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from apps.catalog.models import Collection, Image, Screening
from apps.common.errors import InvalidError

KEEP = Screening.KEEP
TAKES_PART = frozenset({"", "ok", KEEP})  # in a table of labels
AT_ONCE = 500
Item = TypeVar("Item")


class UnknownImageError(InvalidError):
    """An image_id that the collection does not have."""

    code = "unknown_image"


@dataclass(frozen=True)
class Verdict:
    """What the machine says of one image: None or empty where it says nothing."""

    image: int  # primary key
    illustration: float | None
    predicted: str
    doubt: float


@dataclass(frozen=True)
class PanelsFound:
    image: int  # primary key
    several: float | None
    boxes: Sequence[Sequence[float]]
    version: str
    problem: str = ""


def _locked(collection: Collection) -> None:
    """One writer of labels and predictions at a time: a prediction never passes a label."""
    Collection.objects.select_for_update().get(pk=collection.pk)


@transaction.atomic
def label_images(
    *,
    collection: Collection,
    labels: Mapping[str, str],
    labelled_at: datetime,
    labelled_by_id: int | None = None,
    where: Mapping[str, str] | None = None,
) -> int:
    """Store what a person says of images: all of it, or nothing when an image is unknown.

    Args:
        collection: whose members.
        labels: by image_id `keep`, or why the image does not take part; empty takes a label back,
            and the model decides again.
        labelled_at: when.
        labelled_by_id: who; None for a command.
        where: by image_id the file and line that named it, for the refusal.

    Returns:
        How many images now take part that did not, or the other way round, or for another reason.

    Raises:
        UnknownImageError: an image_id is not in the collection.
        InvalidError: a label is longer than 60 characters.
    """
    if (long := next((label for label in labels.values() if len(label) > 60), None)) is not None:
        raise InvalidError(f"A reason has at most 60 characters: {long[:60]!r}…", field="excluded")
    _locked(collection)
    changed = 0
    for ids in _batched(list(labels)):
        images = _members(collection, ids, where)
        stored = Screening.objects.filter(image__in=images.values()).in_bulk(field_name="image_id")
        rows, different = [], []
        for image_id in ids:
            image, label = images[image_id], labels[image_id]
            row = stored.get(image.pk) or Screening(image=image)
            row.label = label
            row.labelled_at = labelled_at if label else None
            row.labelled_by_id = labelled_by_id if label else None
            rows.append(row)
            if image.excluded != row.excluded:
                image.excluded = row.excluded
                different.append(image)
        Screening.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["image"],
            update_fields=["label", "labelled_at", "labelled_by"],
        )
        Image.objects.bulk_update(different, ["excluded"])
        changed += len(different)
    return changed


def _members(
    collection: Collection, ids: Sequence[str], where: Mapping[str, str] | None
) -> dict[str, Image]:
    images = {
        image.image_id: image
        for image in Image.objects.members()
        .filter(collection=collection, image_id__in=ids)
        .only("image_id", "excluded")
    }
    for image_id in ids:
        if image_id not in images:
            raise UnknownImageError(
                f"The collection {collection.slug} has no image {image_id!r}.",
                field="image_id" if where else "image_ids",
                where=(where or {}).get(image_id, ""),
            )
    return images


def exclude_images(
    *,
    collection: Collection,
    reasons: Mapping[str, str],
    labelled_at: datetime,
    labelled_by_id: int | None = None,
    where: Mapping[str, str] | None = None,
) -> int:
    """Label members by why they do not take part; empty, `ok` or `keep`: they do.

    Arguments, answer and refusals are those of `label_images`, but that no label is taken back.
    """
    return label_images(
        collection=collection,
        labels={key: KEEP if why in TAKES_PART else why for key, why in reasons.items()},
        labelled_at=labelled_at,
        labelled_by_id=labelled_by_id,
        where=where,
    )


@transaction.atomic
def remember_exclusions(*, collection: Collection) -> int:
    """Take exclusions that came with a release, or from an older version, for people's labels."""
    _locked(collection)
    unknown = Image.objects.members().filter(collection=collection, screening=None)
    rows = [
        Screening(image_id=pk, label=excluded)
        for pk, excluded in unknown.exclude(excluded="").values_list("pk", "excluded")
    ]
    return len(Screening.objects.bulk_create(rows, batch_size=AT_ONCE))


@transaction.atomic
def store_panels(*, found: Iterable[PanelsFound]) -> None:
    """Store what the separators found; labels and exclusions stay as they are."""
    rows = [
        Screening(
            image_id=one.image,
            several=one.several,
            boxes=[list(box) for box in one.boxes],
            panels_version=one.version,
            problem=one.problem[:300],
        )
        for one in found
    ]
    _upsert(rows, ["several", "boxes", "panels_version", "problem"])


@transaction.atomic
def store_verdicts(*, collection: Collection, verdicts: Sequence[Verdict]) -> int:
    """Store predictions, and exclude or readmit images that no person has labelled.

    Returns:
        How many images are excluded for another reason than before, or no longer.
    """
    _locked(collection)
    _upsert(
        [
            Screening(
                image_id=one.image,
                illustration=one.illustration,
                predicted=one.predicted,
                doubt=one.doubt,
            )
            for one in verdicts
        ],
        ["illustration", "predicted", "doubt"],
    )
    changed = 0
    for some in _batched(verdicts):
        by_reason: dict[str, list[int]] = {}
        for one in some:
            reason = "" if one.predicted == KEEP else one.predicted
            by_reason.setdefault(reason, []).append(one.image)
        for reason, images in by_reason.items():
            unlabelled = Image.objects.filter(pk__in=images, screening__label="")
            changed += unlabelled.exclude(excluded=reason).update(excluded=reason)
    return changed


def _batched(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]


def _upsert(rows: list[Screening], fields: list[str]) -> None:
    options: dict[str, Any] = {
        "update_conflicts": True,
        "unique_fields": ["image"],
        "update_fields": fields,
    }
    Screening.objects.bulk_create(rows, batch_size=AT_ONCE, **options)
