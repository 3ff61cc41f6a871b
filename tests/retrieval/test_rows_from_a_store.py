"""Features whose shards are objects of a store come through the local cache."""

import shutil

import numpy as np
import pytest
from django.core.files.storage import default_storage

from apps.common.storage import DamagedFileError, verified
from apps.jobs.services import work_on_job
from apps.retrieval import selectors, services
from apps.retrieval.models import FeatureSpace, Shard
from tests.factories import NOON
from tests.factories.features import damage, make_pictured_collection

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_shards(settings, no_hub):
    settings.SHARD_ROWS = 4
    settings.WEIGHTS = ""


def extract(collection):
    job = services.request_extraction(
        collection=collection, spaces=["cld"], device="cpu", requested_at=NOON
    )
    return work_on_job(job=job, worker="test")


def rows_of(space: FeatureSpace) -> np.ndarray:
    with selectors.opened_rows(space=space, start=0, stop=space.rows) as shards:
        assert all(isinstance(shard, np.memmap) for shard in shards)
        return np.concatenate(shards)


def copies(settings) -> set[str]:
    return {path.name for path in settings.CACHE.glob("??/*")}


def test_the_rows_are_those_of_a_local_disk_and_their_copies_stay(in_store, settings):
    collection = make_pictured_collection(n_images=10)
    assert extract(collection).error == ""
    space = FeatureSpace.objects.get()
    shards = dict(space.shards.values_list("sha256", "file"))
    assert len(shards) == 3
    rows = rows_of(space)
    assert rows.shape == (10, 16)
    assert np.isfinite(rows).all()
    assert copies(settings) == set(shards)
    for name in shards.values():
        default_storage.delete(name)
    np.testing.assert_array_equal(rows_of(space), rows)  # nobody asked the store


def test_a_cache_too_small_for_the_rows_gives_them_all_the_same(in_store, settings):
    settings.CACHE_SIZE = 500  # one shard has 384 bytes
    collection = make_pictured_collection(n_images=10)
    extract(collection)
    space = FeatureSpace.objects.get()
    assert np.isfinite(rows_of(space)).all()
    assert len(copies(settings)) == 1
    assert list((settings.CACHE / "passing").iterdir()) == []


def test_a_shard_damaged_in_the_store_is_refused_by_name_and_rebuilt(
    in_store, settings, monkeypatch
):
    collection = make_pictured_collection(n_images=6)
    extract(collection)
    space = FeatureSpace.objects.get()
    before = rows_of(space)
    shard = Shard.objects.get(start=4)
    damage(shard.file)
    shutil.rmtree(settings.CACHE)
    monkeypatch.setattr(verified, "_known", {})
    with pytest.raises(DamagedFileError, match=rf"{shard.file} differs.*extract_features"):
        rows_of(space)
    job = extract(collection)
    assert (job.result["computed"], job.result["kept"]) == (1, 1)
    np.testing.assert_array_equal(rows_of(space), before)
