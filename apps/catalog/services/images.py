"""One image at a time: decode it, keep original and derivatives, make its row."""

import hashlib
import io
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from apps.catalog.decoder import own_decoder
from apps.catalog.imaging import Picture, UnreadableImageError
from apps.catalog.models import Collection, Image
from apps.catalog.sources import checked_name
from apps.common.errors import ConflictError, InvalidError
from apps.common.storage import publish, stored_size

DECODE_SECONDS = 30.0
KEEPER_THREADS = 8
KEEPER_BYTES = 64 * 2**20  # in memory, on their way to the disk
CONTENT_FIELDS = (
    "sha256",
    "byte_size",
    "format",
    "width",
    "height",
    "original",
    "has_derivatives",
)


class BadImageError(InvalidError):
    """The file is not an image that can take part."""

    code = "bad_image"


class ImageIdTakenError(ConflictError):
    """Another image of the collection has this image_id."""

    code = "image_id_taken"


def decode(content: bytes) -> Picture:
    """Decode bytes of unknown origin in the child process of this thread.

    Raises:
        UnreadableImageError: with the reason.
    """
    if len(content) > settings.IMPORT_MAX_FILE_BYTES:
        raise UnreadableImageError(f"larger than {settings.IMPORT_MAX_FILE_BYTES / 2**20:,.0f} MiB")
    decoder = own_decoder(
        max_pixels=settings.IMPORT_MAX_PIXELS, seconds=DECODE_SECONDS, root=str(settings.ROOT)
    )
    return decoder.decode(content)


def original_name(sha256: str) -> str:
    """Originals are stored under their content: equal bytes are one file."""
    return f"originals/{sha256[:2]}/{sha256}"


class Keeper:
    """Stores files side by side: the disk confirms many in about the time of one.

    A context manager; at its end all files are stored, or the first error is raised.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=KEEPER_THREADS)
        self._waiting: dict[Future[str], int] = {}

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def keep(self, *, content: bytes, picture: Picture, uuid: UUID) -> dict[str, Any]:
        """Store original, thumbnail and display derivative; harmless when done twice.

        Args:
            content: the file as it came.
            picture: what decoding it gave.
            uuid: of the image, which names its derivatives.

        Returns:
            The fields of the image's row that follow from its content.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        image = Image(
            uuid=uuid,
            sha256=sha256,
            byte_size=len(content),
            format=picture.format,
            width=picture.width,
            height=picture.height,
            original=original_name(sha256),
            has_derivatives=True,
        )
        files = {image.display_name: picture.display, image.thumb_name: picture.thumb}
        name = image.original
        if stored_size(name) != len(content):
            files[name] = content
        self._wait(most_bytes=KEEPER_BYTES)
        for name, written in files.items():
            self._waiting[self._threads.submit(publish, name, io.BytesIO(written))] = len(written)
        return {field: getattr(image, field) for field in CONTENT_FIELDS}

    def flush(self) -> None:
        """Wait until all files are stored; raise the first error."""
        self._wait(most_bytes=0)

    def _wait(self, *, most_bytes: int) -> None:
        while sum(self._waiting.values()) > most_bytes:
            done, _ = wait(self._waiting, return_when=FIRST_COMPLETED)
            for future in done:
                del self._waiting[future]
                future.result()


def add_query_image(
    *, collection: Collection, file_name: str, content: bytes, image_id: str | None = None
) -> Image:
    """Add an image that is asked about but never a result: it has no ordinal.

    The same bytes again, also as a member of the collection, give the image that is there.

    Args:
        collection: that the query asks about.
        file_name: as the person named it; only its last part is kept.
        content: the file.
        image_id: its name in the collection; made from content and file name when missing.

    Raises:
        BadNameError: the file's name holds control characters.
        BadImageError: the file is no image that can be decoded.
        ImageIdTakenError: another image has this image_id.
    """
    file_name = checked_name(PurePosixPath(file_name.replace("\\", "/")).name, field="file")[-200:]
    sha256 = hashlib.sha256(content).hexdigest()
    same = collection.images.filter(sha256=sha256).order_by(F("ordinal").asc(nulls_last=True), "pk")
    if (found := same.first()) is not None:
        return found
    try:
        picture = decode(content)
    except UnreadableImageError as error:
        raise BadImageError(f"{file_name}: {error}.", field="file") from error
    image = Image(
        collection=collection,
        image_id=image_id or f"queries/{sha256[:12]}-{file_name}",
        file_name=file_name,
    )
    if collection.images.filter(image_id=image.image_id).exists():
        raise ImageIdTakenError(
            f"The collection has another image {image.image_id!r}.", field="image_id"
        )
    with Keeper() as keeper:
        fields = keeper.keep(content=content, picture=picture, uuid=image.uuid)
    for field, value in fields.items():
        setattr(image, field, value)
    try:
        with transaction.atomic():
            image.save()
    except IntegrityError as error:  # somebody added it in the same moment
        if (found := same.first()) is not None:
            return found
        raise ImageIdTakenError(
            f"The collection has another image {image.image_id!r}.", field="image_id"
        ) from error
    return image
