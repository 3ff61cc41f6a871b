"""Collections, and which of their images take part."""

from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from apps.catalog.models import Collection, Image
from apps.common.errors import ConflictError, InvalidError

TAKES_PART = frozenset({"", "ok"})


class CollectionExistsError(ConflictError):
    """Another collection has this short name."""

    code = "collection_exists"


class UnknownImageError(InvalidError):
    """An image_id that the collection does not have."""

    code = "unknown_image"


def create_collection(
    *, name: str, created_at: datetime, slug: str = "", description: str = ""
) -> Collection:
    """Make an empty collection.

    Args:
        name: what people read.
        created_at: when.
        slug: what addresses and commands use; made from the name when empty.
        description: free text.

    Raises:
        InvalidError: there is no name, or nothing of it can stand in an address.
        CollectionExistsError: the slug is taken.
    """
    if not name.strip():
        raise InvalidError("A collection needs a name.", field="name")
    if slug and slug != slugify(slug):
        raise InvalidError(
            f"{slug!r} must consist of small letters, digits and hyphens.", field="slug"
        )
    slug = slug or slugify(name)[:60].strip("-")
    if not slug or len(slug) > 60:
        raise InvalidError(
            "Give a short name of 1 to 60 small letters, digits and hyphens.", field="slug"
        )
    try:
        with transaction.atomic():
            return Collection.objects.create(
                slug=slug, name=name.strip(), description=description, created_at=created_at
            )
    except IntegrityError as error:
        raise CollectionExistsError(
            f"There is a collection {slug!r} already.", field="slug"
        ) from error


@transaction.atomic
def exclude_images(
    *, collection: Collection, reasons: Mapping[str, str], where: Mapping[str, str] | None = None
) -> int:
    """Screen members of a collection: all of it, or nothing when an image is unknown.

    Args:
        collection: whose images.
        reasons: by image_id why the image does not take part; empty or `ok`: it does.
        where: by image_id the file and line that named it, for the refusal.

    Returns:
        How many images changed.

    Raises:
        UnknownImageError: an image_id is not in the collection.
        InvalidError: a reason is longer than 60 characters.
    """
    wanted = {key: "" if why in TAKES_PART else why for key, why in reasons.items()}
    if (long := next((why for why in wanted.values() if len(why) > 60), None)) is not None:
        raise InvalidError(f"A reason has at most 60 characters: {long[:60]!r}…", field="excluded")
    changed = 0
    everything = list(wanted)
    for start in range(0, len(everything), 500):
        ids = everything[start : start + 500]
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
        different = [images[key] for key in ids if images[key].excluded != wanted[key]]
        for image in different:
            image.excluded = wanted[image.image_id]
        Image.objects.bulk_update(different, ["excluded"])
        changed += len(different)
    return changed
