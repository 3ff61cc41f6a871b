"""Stage 1: one method over one range of rows."""

import tempfile
from io import BytesIO
from typing import Any

import numpy as np
from django.conf import settings

from apps.common.errors import ConflictError
from apps.common.storage import checked, publish
from apps.jobs.models import Job, JobPart
from apps.jobs.registry import Progress
from apps.retrieval import registry, selectors
from apps.retrieval.compute.search import Neighbours
from apps.retrieval.models import FeatureSpace
from apps.retrieval.services.extraction import pick_device
from apps.retrieval.services.pools.steps import QUERIES, queries_of
from apps.retrieval.services.searches import search_of
from apps.studies.models import Study


def search_rows(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Search a range of rows with one method; the best of every query go to a file."""
    params = part.params
    study = Study.objects.select_related("collection").get(pk=part.job.params["study"])
    space = FeatureSpace.objects.select_related("collection").get(pk=params["space"])
    search = search_of(method=registry.method_of(name=params["method"]), space=space)
    source = _result_of(part.job, step="queries", space=space.pk)
    with checked(source["file"], sha256=source["sha256"]) as file:
        vectors = np.load(BytesIO(file.read()), allow_pickle=False)
    queries = queries_of(study.pk)
    own = np.array(
        [-1 if query.image.ordinal is None else query.image.ordinal for query in queries],
        dtype=np.int64,
    )
    start, stop = params["start"], params["stop"]
    eligible = selectors.searchable_rows(collection=study.collection, rows=part.job.params["rows"])
    with selectors.opened_rows(space=space, start=start, stop=stop) as shards:
        found = search(
            queries=vectors,
            shards=shards,
            first=start,
            eligible=eligible[start:stop],
            own=own,
            k=params["k"],
            memory=settings.SEARCH_MEMORY,
            threads=settings.THREADS or None,
            on_rows=progress,
            device=pick_device(device=params.get("device", "cpu")),
        )
    name = f"pools/{study.pk}/{part.job_id}/{params['method']}-{start:010d}.npz"
    with tempfile.TemporaryFile() as file:
        np.savez(
            file,
            allow_pickle=False,
            counts=np.array([len(one.ordinals) for one in found], dtype=np.int64),
            ordinals=np.concatenate([one.ordinals for one in found]),
            distances=np.concatenate([one.distances for one in found]),
        )
        file.seek(0)
        return {"file": name, "sha256": publish(name, file)}


def _result_of(job: Job, *, step: str, space: int) -> dict[str, str]:
    for part in job.parts.filter(stage=QUERIES):
        if part.params["step"] == step and str(space) in part.result.get("files", {}):
            found: dict[str, str] = part.result["files"][str(space)]
            return found
    raise ConflictError("The vectors of the queries are gone: start the job again.")


def read_found(result: dict[str, str]) -> list[Neighbours]:
    with checked(result["file"], sha256=result["sha256"]) as file:
        content = np.load(BytesIO(file.read()), allow_pickle=False)
        ends = np.cumsum(content["counts"])[:-1]
        return [
            Neighbours(ordinals, distances)
            for ordinals, distances in zip(
                np.split(content["ordinals"], ends),
                np.split(content["distances"], ends),
                strict=True,
            )
        ]
