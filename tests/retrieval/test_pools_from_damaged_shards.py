"""From a damaged shard back to the same pools; and Euclidean searches cut in every way."""

import os
import random

import numpy as np
import pytest
from django.core.files.storage import default_storage

from apps.catalog.models import Image
from apps.jobs.services import work_on_job
from apps.retrieval import services
from apps.retrieval.compute.search import streaming
from apps.retrieval.models import PoolEntry, PoolSource, Ranking, Shard
from apps.retrieval.services.pools import run_pool_part
from tests.factories import NOON, make_category, make_collection, make_query, make_study
from tests.factories.features import damage, make_pictured_collection, make_space

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_parts(settings, no_hub):
    settings.SHARD_ROWS = 4
    settings.SEARCH_SHARDS_PER_PART = 1
    settings.WEIGHTS = ""


def truncate(name: str) -> None:
    os.truncate(default_storage.path(name), 200)


def rankings() -> list:
    return list(
        Ranking.objects.order_by("query", "method").values_list(
            "query__query_id", "method", "images", "scores", "version"
        )
    )


def ledger() -> list:
    return list(
        PoolSource.objects.order_by("entry__query", "entry__image", "method").values_list(
            "entry__query__query_id", "entry__image", "method", "rank", "score"
        )
    )


def build(study):
    job = services.request_pools(study=study, depth=None, device="auto", requested_at=NOON)
    return work_on_job(job=job, worker="test")


@pytest.mark.parametrize("harm", [damage, truncate, default_storage.delete])
def test_a_harmed_shard_is_named_rebuilt_alone_and_the_pools_are_the_same(harm):
    collection = make_pictured_collection("animals", n_images=10)

    def extract():
        job = services.request_extraction(
            collection=collection, spaces=["cld", "ehd"], device="cpu", requested_at=NOON
        )
        return work_on_job(job=job, worker="test")

    extract()
    study = make_study(collection=collection, depth=3, ranking_depth=6)
    category = make_category(study)
    for ordinal in (0, 5):
        make_query(category, f"q{ordinal}", Image.objects.get(ordinal=ordinal))
    assert build(study).state == "done"
    expected, files = (rankings(), ledger()), set(Shard.objects.values_list("file", "sha256"))
    Ranking.objects.all().delete()
    PoolEntry.objects.all().delete()

    shard = Shard.objects.get(space__name="ehd", start=4)
    harm(shard.file)
    job = build(study)
    assert job.state == "failed"
    assert shard.file in job.error
    assert "Run extract_features to rebuild it." in job.error
    assert not Ranking.objects.exists()

    done = extract()
    results = {part.key: part.result["computed"] for part in done.parts.all()}
    assert {key: spaces for key, spaces in results.items() if spaces} == {"global/00001": ["ehd"]}
    assert set(Shard.objects.values_list("file", "sha256")) == files
    assert build(study).state == "done"
    assert (rankings(), ledger()) == expected


@pytest.fixture
def crowded_study():
    """`r_full` and `r_max` with duplicates, near-duplicates and rows that are missing."""
    rng = np.random.default_rng(1)
    n = 22
    collection = make_collection(n_images=n)
    full = np.maximum(rng.standard_normal((n, 5)) @ rng.standard_normal((5, 25_088)), 0)
    full[7] = full[3]
    full[8] = full[3]
    full[9, 0] += 2.0**-6
    full[12] = np.nan
    make_space(collection, "r_full", full)
    make_space(collection, "r_max", np.repeat(rng.integers(0, 2, size=(n, 8)), 64, axis=1) + 1e3)
    study = make_study(
        collection=collection, depth=5, ranking_depth=15, methods=["r_full", "r_max"]
    )
    category = make_category(study)
    for ordinal in (0, 3, 9, 21):
        make_query(category, f"q{ordinal}", Image.objects.get(ordinal=ordinal))
    Image.objects.filter(ordinal=14).update(excluded="illustration")
    return study


@pytest.mark.parametrize("seed", range(3))
def test_rankings_are_the_same_for_any_parts_order_memory_and_threads(
    crowded_study, settings, monkeypatch, seed
):
    settings.SEARCH_SHARDS_PER_PART = 64
    settings.THREADS = 1
    assert build(crowded_study).error == ""
    expected = (rankings(), ledger())
    assert len(expected[0]) == 8
    Ranking.objects.all().delete()
    PoolEntry.objects.all().delete()

    # Two workers, each with its own settings, take the parts of every stage in any order.
    chance = random.Random(seed)  # noqa: S311  nothing secret
    settings.SEARCH_SHARDS_PER_PART = 1 + seed
    monkeypatch.setattr(streaming, "MOST_ROWS", 16)
    job = services.request_pools(study=crowded_study, depth=None, device="cpu", requested_at=NOON)
    parts = list(job.parts.all())
    chance.shuffle(parts)
    for part in sorted(parts, key=lambda part: part.stage):
        settings.THREADS, settings.SEARCH_MEMORY = chance.choice([(1, 10**5), (4, 2**31)])
        for _ in range(chance.choice([1, 2])):  # some are done again after a worker was killed
            part.result = run_pool_part(part, lambda done: None)
        part.state = "done"
        part.save()
    assert (rankings(), ledger()) == expected
