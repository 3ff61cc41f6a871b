"""Screening by machine: panels by separators, illustrations by what people labelled.

A job of three stages: panels (parts of some hundred images; those looked at already are passed
over), training (one part), verdicts (parts of one shard). Retraining leaves the first stage out.
"""

import hashlib
import tempfile
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from apps.catalog import services as catalog
from apps.catalog.models import Collection, Image, Screening
from apps.common.storage import checked, publish
from apps.jobs.models import Job, JobPart
from apps.jobs.registry import Progress
from apps.jobs.services import PartSpec, start_job
from apps.retrieval import selectors
from apps.retrieval.compute.pipeline import prepared_ahead
from apps.retrieval.compute.pixels import UnreadableError
from apps.retrieval.compute.screening import illustrations, panels
from apps.retrieval.models import FeatureSpace, ScreeningModel
from apps.retrieval.services.extraction import NothingToComputeError, opened_pixels

IMAGES_A_PART = 512
STORED_AT_ONCE = 64
RETRAIN_EVERY = 10  # labels
PANELS, TRAINING, VERDICTS = 0, 1, 2


def request_screening(
    *,
    collection: Collection,
    requested_at: datetime,
    requested_by_id: int | None = None,
    with_panels: bool = True,
) -> Job:
    """Start the job that screens a collection, or return the one that runs.

    Args:
        collection: whose images.
        requested_at: now.
        requested_by_id: the person, or None for a command.
        with_panels: look for panels in images that were not looked at yet; without, only learn
            from the labels and decide anew.

    Raises:
        NothingToComputeError: the collection has no images.
    """
    rows = selectors.rows_of(collection=collection)
    if not rows:
        raise NothingToComputeError(
            f"The collection {collection.slug} has no images yet: import some first."
        )
    catalog.remember_exclusions(collection=collection)
    parts = [
        *(_ranges("panels", PANELS, rows, IMAGES_A_PART) if with_panels else []),
        PartSpec(key="training", params={"step": "training"}, stage=TRAINING),
        *_ranges("verdicts", VERDICTS, rows, settings.SHARD_ROWS),
    ]
    return start_job(
        kind=selectors.SCREEN,
        target=selectors.screening_target(collection=collection),
        title=f"Screening of {collection.name}",
        parts=parts,
        params={"collection": collection.pk},
        unit="steps",
        created_at=requested_at,
        requested_by_id=requested_by_id,
    )


def _ranges(step: str, stage: int, rows: int, size: int) -> list[PartSpec]:
    return [
        PartSpec(
            key=f"{step}/{start:07d}",
            params={"step": step, "start": start, "stop": min(start + size, rows)},
            total=min(size, rows - start),
            stage=stage,
        )
        for start in range(0, rows, size)
    ]


def record_labels(
    *,
    collection: Collection,
    labels: Mapping[str, str],
    labelled_at: datetime,
    labelled_by_id: int | None,
) -> tuple[int, Job | None]:
    """Store a person's labels; every `RETRAIN_EVERY` labels, start learning from them.

    Returns:
        How many images now take part that did not or the other way round, and the job, if any.

    Raises:
        UnknownImageError: an image_id is not in the collection; nothing is stored.
        InvalidError: a label is too long.
    """
    changed = catalog.label_images(
        collection=collection,
        labels=labels,
        labelled_at=labelled_at,
        labelled_by_id=labelled_by_id,
    )
    training = selectors.training_of(collection=collection)
    if not training.possible or training.labels_since < RETRAIN_EVERY:
        return changed, None
    if selectors.screening_spaces(collection=collection) is None:
        return changed, None  # nothing to learn on: the page says what to compute
    job = request_screening(
        collection=collection,
        requested_at=labelled_at,
        requested_by_id=labelled_by_id,
        with_panels=False,
    )
    return changed, job


def run_screening_part(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Do one part of a `screen_images` job."""
    collection = Collection.objects.get(pk=part.job.params["collection"])
    steps = {"panels": _find_panels, "training": _train, "verdicts": _decide}
    return steps[part.params["step"]](collection, part, progress)


# --- panels ---------------------------------------------------------------------------------------


def _find_panels(collection: Collection, part: JobPart, progress: Progress) -> dict[str, Any]:
    images = list(
        _members(collection, part)
        .exclude(screening__panels_version=panels.VERSION)
        .only("pk", "image_id", "original", "sha256")
    )
    looked = found = 0
    batch: list[catalog.PanelsFound] = []
    outcomes = prepared_ahead(
        images,
        prepare=lambda image: panels.find_panels(image=opened_pixels(image=image)),
        workers=settings.LOADERS,
        ahead=2 * STORED_AT_ONCE,
    )
    for image, outcome in zip(images, outcomes, strict=True):
        if isinstance(outcome, UnreadableError):
            # No version: a file that is put back is looked at next time.
            row = catalog.PanelsFound(image.pk, None, (), version="", problem=str(outcome))
        else:
            row = catalog.PanelsFound(image.pk, outcome.score, outcome.boxes, panels.VERSION)
            looked += 1
            found += outcome.count > 1
        batch.append(row)
        if len(batch) == STORED_AT_ONCE:
            catalog.store_panels(found=batch)
            batch = []
            progress(looked)
    catalog.store_panels(found=batch)
    return {"looked_at": looked, "multipanel": found, "unreadable": len(images) - looked}


def _members(collection: Collection, part: JobPart) -> Any:
    start, stop = part.params["start"], part.params["stop"]
    return Image.objects.members().filter(
        collection=collection, ordinal__gte=start, ordinal__lt=stop
    )


# --- illustrations --------------------------------------------------------------------------------


def _train(collection: Collection, part: JobPart, progress: Progress) -> dict[str, Any]:
    """Learn from all labels; without enough of them, or without features, there is no model."""
    began = timezone.now()  # labels given from now on are not in it
    spaces = selectors.screening_spaces(collection=collection)
    known = list(
        selectors.training_labels(collection=collection)
        .order_by("image__ordinal")
        .values_list("image__ordinal", "label")
    )
    if spaces is None or not known:
        return _forget(collection, "Its features are not computed." if known else "No labels.")
    ordinals = np.array([ordinal for ordinal, _ in known])
    rows = _rows(spaces, ordinals)
    finite = np.isfinite(rows).all(axis=1)
    labels = np.array([label in selectors.ILLUSTRATION_LABELS for _, label in known])
    trained = illustrations.train(rows=rows[finite], labels=labels[finite])
    if trained is None:
        return _forget(collection, f"Fewer than {illustrations.LEAST} labels of either kind.")
    with tempfile.TemporaryFile() as file:
        np.savez(file, allow_pickle=False, **trained.model.arrays())
        file.seek(0)
        content = file.read()
    name = f"screening/{collection.pk}/{hashlib.sha256(content).hexdigest()[:16]}.npz"
    sha256 = publish(name, BytesIO(content))
    with transaction.atomic():
        before = ScreeningModel.objects.select_for_update().filter(collection=collection).first()
        ScreeningModel.objects.update_or_create(
            collection=collection,
            defaults={
                "version": illustrations.VERSION,
                "file": name,
                "sha256": sha256,
                "spaces": {space.name: space.pk for space in spaces},
                "n_illustrations": int(labels[finite].sum()),
                "n_kept": int((~labels[finite]).sum()),
                "precision": trained.precision,
                "recall": trained.recall,
                "trained_at": began,
            },
        )
    if before is not None and before.file != name:
        default_storage.delete(before.file)
    return {"trained": True, "labels": int(finite.sum())}


def _forget(collection: Collection, reason: str) -> dict[str, Any]:
    before = ScreeningModel.objects.filter(collection=collection).first()
    if before is not None:
        before.delete()
        default_storage.delete(before.file)
    return {"trained": False, "reason": reason}


def _rows(spaces: list[FeatureSpace], ordinals: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Features of these ordinals (ascending), the spaces side by side, (n, d)."""
    columns = []
    for space in spaces:
        rows = np.empty((len(ordinals), space.dimensions), dtype=np.float32)
        for shard in selectors.shards_of(space=space):
            inside = (ordinals >= shard.start) & (ordinals < shard.start + shard.rows)
            if not inside.any():
                continue
            stop = shard.start + shard.rows
            with selectors.opened_rows(space=space, start=shard.start, stop=stop) as (array,):
                rows[inside] = array[ordinals[inside] - shard.start]
        columns.append(rows)
    return np.concatenate(columns, axis=1)


# --- verdicts -------------------------------------------------------------------------------------


def _decide(collection: Collection, part: JobPart, progress: Progress) -> dict[str, Any]:
    """Predict a range of images and exclude what nobody labelled otherwise."""
    known = list(_members(collection, part).values_list("pk", "ordinal", "screening__several"))
    model = ScreeningModel.objects.filter(collection=collection).first()
    chances = np.full(len(known), np.nan)
    if model is not None and known:
        with checked(model.file, sha256=model.sha256) as file:
            arrays = dict(np.load(BytesIO(file.read()), allow_pickle=False))
        by_pk = FeatureSpace.objects.in_bulk(list(model.spaces.values()))
        spaces = [by_pk[pk] for pk in model.spaces.values()]
        ordinals = np.array([ordinal for _, ordinal, _ in known])
        chances = illustrations.probabilities(
            model=illustrations.from_arrays(arrays), rows=_rows(spaces, ordinals)
        )
    verdicts = [
        verdict_of(image=pk, illustration=None if np.isnan(chance) else chance, several=several)
        for (pk, _, several), chance in zip(known, chances.tolist(), strict=True)
    ]
    return {"changed": catalog.store_verdicts(collection=collection, verdicts=verdicts)}


def verdict_of(*, image: int, illustration: float | None, several: float | None) -> catalog.Verdict:
    """What the two probabilities say of an image, and how near either is to the other side.

    Several panels count before an illustration: most figures of several panels are drawn as well.
    """
    if illustration is None and several is None:
        return catalog.Verdict(image, None, "", 1.0)
    predicted = Screening.KEEP
    if several is not None and several >= 0.5:
        predicted = Screening.MULTIPANEL
    elif illustration is not None and illustration >= 0.5:
        predicted = Screening.ILLUSTRATION
    margin = min(abs(chance - 0.5) for chance in (illustration, several) if chance is not None)
    return catalog.Verdict(image, illustration, predicted, 1.0 - 2.0 * margin)


def finish_screening(job: Job) -> dict[str, Any]:
    """Sum up what was looked at, learned and changed."""
    results = [
        (part.params["step"], part.result) for part in job.parts.only("params", "result", "job")
    ]
    training = next(result for step, result in results if step == "training")
    return {
        "looked_at": sum(result.get("looked_at", 0) for _, result in results),
        "unreadable": sum(result.get("unreadable", 0) for _, result in results),
        "changed": sum(result.get("changed", 0) for _, result in results),
        "trained": training["trained"],
        "labels": training.get("labels", 0),
        "reason": training.get("reason", ""),
    }
