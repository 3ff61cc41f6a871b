"""What a person asks: which image, which methods, how deep. Nothing is searched here."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from django.db.models import F, QuerySet

from apps.accounts.models import User
from apps.catalog import services as catalog
from apps.catalog.imaging import UnreadableImageError
from apps.catalog.models import Collection, Image
from apps.catalog.sources import checked_name
from apps.common.errors import ConflictError, InvalidError, UnavailableError
from apps.common.storage import discard, publish
from apps.retrieval import registry, selectors
from apps.retrieval.fusions import fusion_of, is_fusion
from apps.retrieval.models import Exploration

MAX_METHODS = 16
MAX_DEPTH = 200
KEPT_FOR = timedelta(days=1)
KEPT_PER_PERSON = 30  # so that a day of one person stays small


class BadExplorationError(InvalidError):
    code = "bad_exploration"


class ImageTakesNoPartError(ConflictError):
    code = "image_takes_no_part"


class NoExplorerError(UnavailableError):
    code = "no_worker"


@dataclass(frozen=True)
class DroppedFile:
    """A file from somebody's disk or clipboard."""

    name: str
    content: bytes


def request_exploration(
    *,
    collection: Collection,
    methods: Sequence[str],
    depth: int,
    asked_by: User,
    asked_at: datetime,
    image_id: str = "",
    file: DroppedFile | None = None,
) -> Exploration:
    """Note what is asked; the worker answers. The person's oldest explorations go.

    A dropped file is decoded in a limited child process. One with the bytes of an image that the
    collection has is that image.

    Args:
        collection: what is searched.
        methods: names of the registry, or fusions of them, in the order of the columns.
        depth: results per method, 1 to `MAX_DEPTH`.
        asked_by: who alone may see the answer.
        asked_at: now.
        image_id: an image of the collection; or else
        file: an image from outside.

    Raises:
        NoExplorerError: no worker is there that would answer.
        BadExplorationError, UnknownMethodError: what is asked is wrong.
        ImageTakesNoPartError: the image is screened out.
        BadImageError: the file is no image that can be decoded.
        NoSpaceError: the disk is nearly full.
    """
    _check(methods=methods, depth=depth, image_id=image_id, file=file)
    if not selectors.explorers_alive(now=asked_at).exists():
        raise NoExplorerError(
            "No worker that explores is alive: nothing would answer. Start one with "
            "`celery --app apps.config worker --queues explore --pool solo` "
            "(make run and docker compose do)."
        )
    asked = Exploration(
        collection=collection,
        asked_by=asked_by,
        methods=list(methods),
        depth=depth,
        created_at=asked_at,
    )
    if file is None:
        asked.image = collection.images.filter(image_id=image_id).first()
        if asked.image is None:
            raise BadExplorationError(
                f"There is no image {image_id!r} in {collection.slug}.", field="image_id"
            )
    else:
        asked.image = _same_image(collection, file)
    if asked.image is not None and asked.image.excluded:
        raise ImageTakesNoPartError(
            f"The image {asked.image.image_id} is screened out ({asked.image.excluded}): "
            "it takes no part in searches."
        )
    if asked.image is None and file is not None:
        _keep(asked, file)
    try:
        asked.save(force_insert=True)
    except BaseException:
        _remove_files(asked)
        raise
    _remove(Exploration.objects.filter(asked_by=asked_by), keep=KEPT_PER_PERSON)
    return asked


def _check(*, methods: Sequence[str], depth: int, image_id: str, file: DroppedFile | None) -> None:
    if not methods:
        raise BadExplorationError("Choose at least one method.", field="methods")
    if len(methods) > MAX_METHODS:
        raise BadExplorationError(
            f"At most {MAX_METHODS} methods at once, not {len(methods)}.", field="methods"
        )
    for name in methods:
        for member in fusion_of(name=name).members if is_fusion(name=name) else (name,):
            registry.method_of(name=member)
    if len(set(methods)) != len(methods):
        raise BadExplorationError("A method is named twice.", field="methods")
    if not 1 <= depth <= MAX_DEPTH:
        raise BadExplorationError(
            f"The depth must be 1 to {MAX_DEPTH}, not {depth}.", field="depth"
        )
    if bool(image_id) == (file is not None):
        raise BadExplorationError(
            "Give the image_id of an image, or else a file.", field="image_id"
        )


def _same_image(collection: Collection, file: DroppedFile) -> Image | None:
    sha256 = hashlib.sha256(file.content).hexdigest()
    same = collection.images.filter(sha256=sha256)
    return same.order_by(F("ordinal").asc(nulls_last=True), "pk").first()


def _keep(asked: Exploration, file: DroppedFile) -> None:
    """Decode the file and store it, with the derivative that alone is ever shown."""
    catalog.check_space(needed=2 * len(file.content))
    name = PurePosixPath(file.name.replace("\\", "/")).name or "image"
    name = checked_name(name, field="file")[-200:]
    try:
        picture = catalog.decode(file.content)
    except UnreadableImageError as error:
        raise catalog.BadImageError(f"{name}: {error}.", field="file") from error
    asked.file_name = name
    asked.width, asked.height = picture.width, picture.height
    asked.original = f"explorations/{asked.uuid.hex}-original"
    asked.display = f"explorations/{asked.uuid.hex}.webp"
    try:
        publish(asked.original, io.BytesIO(file.content))
        publish(asked.display, io.BytesIO(picture.display))
    except BaseException:
        _remove_files(asked)
        raise


def fail_exploration(*, exploration: Exploration, sentence: str, failed_at: datetime) -> None:
    """Say that there will be no answer, unless a worker has one by now."""
    Exploration.objects.filter(
        pk=exploration.pk, state__in=[Exploration.State.WAITING, Exploration.State.RUNNING]
    ).update(state=Exploration.State.FAILED, error=sentence, finished_at=failed_at)


def sweep_explorations(*, now: datetime) -> int:
    """Forget explorations of more than a day ago with their files; return how many."""
    return _remove(Exploration.objects.filter(created_at__lt=now - KEPT_FOR), keep=0)


def _remove(explorations: QuerySet[Exploration], *, keep: int) -> int:
    old = list(explorations.order_by("-pk")[keep:])
    for exploration in old:
        _remove_files(exploration)
    Exploration.objects.filter(pk__in=[exploration.pk for exploration in old]).delete()
    return len(old)


def _remove_files(exploration: Exploration) -> None:
    discard(name for name in (exploration.original, exploration.display) if name)
