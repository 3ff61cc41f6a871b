"""Stage 0: the vectors of a study's queries."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from apps.common.errors import ConflictError
from apps.common.storage import publish
from apps.jobs.models import JobPart
from apps.jobs.registry import Progress
from apps.retrieval import selectors
from apps.retrieval.models import FeatureSpace
from apps.retrieval.services.extraction import (
    PictureUnreadableError,
    opened_pixels,
    vectors_of,
)
from apps.retrieval.services.pools.steps import queries_of
from apps.studies.models import Query, Study


class QueryUnreadableError(ConflictError):
    code = "query_unreadable"


def extract_queries(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Vectors of all queries in some spaces: rows of the collection, or extracted."""
    study = Study.objects.get(pk=part.job.params["study"])
    queries = queries_of(study.pk)
    outside = [number for number, query in enumerate(queries) if query.image.ordinal is None]
    spaces = list(FeatureSpace.objects.filter(pk__in=part.params["spaces"]).order_by("pk"))
    try:
        extracted = vectors_of(
            [queries[number].image for number in outside],
            opened=opened_pixels,
            spaces=spaces,
            device=part.params["device"],
            on_progress=progress,
        )
    except PictureUnreadableError as error:
        raise _unreadable(queries[outside[error.number]], "its file", str(error)) from error
    files = {}
    for space in spaces:
        vectors = np.empty((len(queries), space.dimensions), dtype=np.float32)
        if outside:
            vectors[outside] = extracted[space.name]
        _fill_from_shards(space=space, queries=queries, vectors=vectors, study=study)
        name = f"pools/{study.pk}/{part.job_id}/queries-{space.pk}.npy"
        content = BytesIO()
        np.save(content, vectors, allow_pickle=False)
        content.seek(0)
        files[str(space.pk)] = {"file": name, "sha256": publish(name, content)}
    return {"files": files}


def _fill_from_shards(
    *, space: FeatureSpace, queries: Sequence[Query], vectors: npt.NDArray[Any], study: Study
) -> None:
    inside = [
        (number, query.image.ordinal)
        for number, query in enumerate(queries)
        if query.image.ordinal is not None
    ]
    for shard in selectors.shards_of(space=space):
        here = [
            (number, ordinal)
            for number, ordinal in inside
            if shard.start <= ordinal < shard.start + shard.rows
        ]
        if not here:
            continue
        stop = shard.start + shard.rows
        with selectors.opened_rows(space=space, start=shard.start, stop=stop) as (array,):
            for number, ordinal in here:
                vectors[number] = array[ordinal - shard.start]
    for number, ordinal in inside:
        if not np.isfinite(vectors[number]).all():
            reason = selectors.unreadable_reason(space=space, ordinal=ordinal)
            raise _unreadable(queries[number], f"the space {space.name}", reason)


def _unreadable(query: Query, where: str, reason: str) -> QueryUnreadableError:
    return QueryUnreadableError(
        f"The query {query.query_id} ({query.image.image_id}) has no vector from {where}: "
        f"{reason or 'it could not be read'}.",
        field="queries",
    )
