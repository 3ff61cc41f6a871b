"""Collections with files and spaces with rows, for tests of search and pools."""

import io

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.catalog.models import Collection, Image
from apps.common.storage import publish
from apps.retrieval import registry
from apps.retrieval.models import FeatureSpace, Shard
from tests.factories import NOON, make_collection
from tests.factories.pictures import picture_bytes


def make_pictured_collection(slug: str = "pictures", *, n_images: int = 6) -> Collection:
    """A collection whose images `0000.png`, ... have files, all different."""
    collection = make_collection(slug)
    for ordinal in range(n_images):
        add_picture(collection, ordinal=ordinal)
    return collection


def add_picture(
    collection: Collection, *, ordinal: int | None, seed: int | None = None, image_id: str = ""
) -> Image:
    content = io.BytesIO(picture_bytes(ordinal if seed is None else seed))
    image_id = image_id or f"{ordinal:04d}.png"
    name = f"originals/{collection.slug}/{image_id}"
    return Image.objects.create(
        collection=collection,
        image_id=image_id,
        file_name=image_id,
        ordinal=ordinal,
        sha256=publish(name, content),
        original=name,
        width=64,
        height=48,
    )


def make_space(
    collection: Collection,
    name: str,
    rows: np.ndarray,
    *,
    version: str | None = None,
    step: int = 4,
) -> FeatureSpace:
    """A complete space with these rows, in shards of `step` rows."""
    entry = registry.space_of(name=name)
    producer = registry.producer_of(space=name)
    is_code_only = isinstance(producer, registry.ExtractorEntry) and not producer.needs_weights
    space = FeatureSpace.objects.create(
        collection=collection,
        name=name,
        version=version or (producer.load().version if is_code_only else "test"),
        dimensions=rows.shape[1],
        dtype=entry.dtype,
        rows=len(rows),
        created_at=NOON,
        completed_at=NOON,
    )
    for start in range(0, len(rows), step):
        content = io.BytesIO()
        np.save(content, rows[start : start + step].astype(entry.dtype))
        content.seek(0)
        file = f"features/test-{space.pk}/shard-{start:05d}.npy"
        missing = np.flatnonzero(~np.isfinite(rows[start : start + step]).all(axis=1)) + start
        Shard.objects.create(
            space=space,
            start=start,
            rows=len(rows[start : start + step]),
            file=file,
            sha256=publish(file, content),
            missing=[[int(ordinal), "damaged"] for ordinal in missing],
        )
    return space


def damage(name: str) -> None:
    """Change the last byte of a stored file, on a disk or in a store."""
    with default_storage.open(name) as file:
        content = file.read()
    default_storage.delete(name)
    default_storage.save(name, ContentFile(content[:-1] + bytes([content[-1] ^ 1])))
