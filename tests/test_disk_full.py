"""Disk or store full at the n-th write, for each n; a store that fails now and then."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.core.files.storage import default_storage

from apps.analytics.models import Release
from apps.analytics.services.releases import request_release
from apps.catalog.models import Collection, Image, Import
from apps.catalog.services import request_import
from apps.catalog.sources import folder_source
from apps.common.storage import stored_names, verified
from apps.jobs.models import Job
from apps.jobs.services import retry_job, work_on_job
from apps.retrieval.models import FeatureSpace, PoolEntry, PoolSource, Ranking, Shard
from apps.retrieval.services import request_extraction, request_pools
from apps.studies.models import Study
from tests.factories import NOON, make_category, make_collection, make_query, make_study
from tests.factories.analytics import make_judged_study
from tests.factories.features import make_pictured_collection
from tests.factories.pictures import picture_bytes
from tests.faulty import Disk, Fault, full_disk, store_behind_faults, use_store_at

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_disk(settings, tmp_path, monkeypatch):
    """Files, cache and temporary files of this test alone; small shards, one thread."""
    settings.SHARD_ROWS = 4
    settings.SEARCH_SHARDS_PER_PART = 1
    settings.WEIGHTS = ""
    settings.LOADERS = 1
    settings.CACHE = tmp_path / "cache"
    if "FileSystem" in settings.STORAGES["default"]["BACKEND"]:
        backend = settings.STORAGES["default"]
        options = {**backend["OPTIONS"], "location": str(tmp_path / "files")}
        settings.STORAGES = {**settings.STORAGES, "default": {**backend, "OPTIONS": options}}
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(verified, "_known", {})


def contents() -> dict[str, str]:
    """Every stored file by its name, with its checksum."""
    found = {}
    for name in stored_names():
        with default_storage.open(name) as file:
            found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


class Extraction:
    """Two shards of a space."""

    def __init__(self) -> None:
        self.collection = make_pictured_collection(n_images=6)

    def request(self) -> Job:
        return request_extraction(
            collection=self.collection, spaces=["cld"], device="cpu", requested_at=NOON
        )

    def result(self):
        shards = Shard.objects.values_list("space__name", "start", "rows", "sha256")
        return sorted(shards), sorted(FeatureSpace.objects.values_list("name", "rows"))

    def check_what_is_visible(self) -> None:
        """What a row names is whole."""
        stored = contents()
        for shard in Shard.objects.all():
            assert stored[shard.file] == shard.sha256

    def undo(self) -> None:
        FeatureSpace.objects.all().delete()
        for name in list(stored_names("features")):
            default_storage.delete(name)


class Pools:
    """Vectors of queries, searches in two parts, the merge."""

    def __init__(self) -> None:
        self.collection = make_pictured_collection(n_images=6)
        extraction = request_extraction(
            collection=self.collection, spaces=["cld"], device="cpu", requested_at=NOON
        )
        assert work_on_job(job=extraction, worker="w").state == "done"
        self.study = make_study(collection=self.collection, methods=["cld"], depth=2)
        make_query(make_category(self.study), "q1", Image.objects.get(ordinal=0))

    def request(self) -> Job:
        return request_pools(study=self.study, depth=None, device="cpu", requested_at=NOON)

    def result(self):
        ledger = PoolSource.objects.values_list("entry__image__image_id", "method", "rank", "score")
        return sorted(ledger), list(Ranking.objects.values_list("method", "images", "scores"))

    def check_what_is_visible(self) -> None:
        assert self.result() == ([], [])

    def undo(self) -> None:
        PoolEntry.objects.all().delete()
        Ranking.objects.all().delete()
        Study.objects.update(ranking_depth=2)
        shutil.rmtree(django_settings.CACHE, ignore_errors=True)


class Importing:
    """Two images with their derivatives."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        for number in range(2):
            (self.folder / f"{number}.png").write_bytes(picture_bytes(number))
        self.collection = make_collection("animals")

    def request(self) -> Job:
        batch = request_import(
            collection=Collection.objects.get(),
            source=folder_source(self.folder),
            created_at=NOON,
        )
        assert batch.job is not None
        return batch.job

    def result(self):
        stored = contents()
        return [
            [image.ordinal, image.image_id, image.sha256]
            + [stored[n] for n in (image.original, image.display_name, image.thumb_name)]
            for image in Image.objects.order_by("ordinal")
        ]

    def check_what_is_visible(self) -> None:
        assert not Image.objects.exists()
        for name, sha256 in contents().items():  # no row names them yet; whole they are
            assert name.startswith("derivatives") or name.endswith(sha256)

    def undo(self) -> None:
        Import.objects.all().delete()
        Image.objects.all().delete()
        for name in list(stored_names()):
            default_storage.delete(name)


def leftovers(tmp_path: Path) -> list[Path]:
    """Temporary files: of writers, of the cache, in the folder for such."""
    ours = [p for p in (tmp_path / "tmp").iterdir() if not p.name.startswith("tmp")]
    passing = tmp_path / "cache" / "passing"
    return [*tmp_path.rglob(".part-*"), *ours, *(passing.iterdir() if passing.exists() else [])]


def check_each_failure(work, fails_at, tmp_path) -> int:
    """Let the n-th write fail for n = 1, 2, ... until none does; return how many there were."""
    first = work_on_job(job=work.request(), worker="w")
    assert (first.state, first.error) == ("done", "")
    whole = work.result()
    n = 1
    while True:
        work.undo()
        Job.objects.all().delete()
        job = work.request()
        with fails_at(n) as fault:
            job = work_on_job(job=job, worker="w")
        if not fault.was_full:
            assert job.state == "done"
            return n - 1
        if job.state == "failed":
            assert "Disk full: " in job.error
            work.check_what_is_visible()
        else:  # it was full when something that nobody needs any more was to be written
            assert work.result() == whole
        assert leftovers(tmp_path) == []
        if job.state == "failed":
            job = work_on_job(job=retry_job(job=job, now=NOON), worker="w")
        assert (job.state, job.error) == ("done", "")
        assert work.result() == whole
        n += 1


@pytest.mark.parametrize("kind", [Extraction, Pools, Importing])
def test_a_disk_that_is_full_at_the_nth_write(kind, tmp_path):
    writes = check_each_failure(kind(), lambda n: full_disk(full_from=n), tmp_path)
    assert writes >= {Extraction: 10, Pools: 20, Importing: 10}[kind]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 30])
def test_a_release_for_which_there_is_no_room(n, tmp_path):
    study = make_judged_study()
    with full_disk(full_from=n) as disk:
        job = work_on_job(
            job=request_release(study=study, names=False, requested_at=NOON), worker="w"
        )
    assert disk.was_full
    assert (job.state, job.error) == (
        "failed",
        "release: Disk full: free some space and try again.",
    )
    assert list(stored_names()) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not Release.objects.exists()


# --- the same with a store -------------------------------------------------------------------


class FullStore:
    """From the n-th PUT on it says that there is no room."""

    def __init__(self) -> None:
        self.disk = Disk(full_from=NEVER)

    def fault_of(self, command: str) -> Fault:
        self.disk.operations += command == "PUT"
        full = command == "PUT" and self.disk.was_full
        return (507, "XMinioStorageFull") if full else None

    @contextmanager
    def full_from(self, n: int) -> Iterator[Disk]:
        disk = self.disk = Disk(full_from=n)
        try:
            yield disk
        finally:
            self.disk = Disk(full_from=NEVER)


NEVER = 10**9


@pytest.fixture
def full_store(store_server, in_store, settings):
    store = FullStore()
    with store_behind_faults(store_server.url, store.fault_of) as url:
        use_store_at(url, settings)
        yield store


@pytest.mark.parametrize(
    ("kind", "puts"),
    [
        pytest.param(Extraction, 2, id="two shards"),
        pytest.param(Pools, 3, id="vectors and two searches"),
        pytest.param(Importing, 4, id="two originals, two small pictures"),
    ],
)
def test_a_store_that_is_full_at_the_nth_write(full_store, kind, puts, tmp_path):
    assert check_each_failure(kind(), full_store.full_from, tmp_path) == puts


@pytest.mark.parametrize("kind", [Extraction, Pools, Importing])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_store_that_fails_every_fifth_request_changes_no_result(
    store_server, in_store, settings, monkeypatch, kind, seed
):
    chance = np.random.default_rng(seed)
    faults: list[Fault] = [(503, "SlowDown"), (500, "InternalError"), "close", "cut"]
    failed = []

    def fault_of(command: str) -> Fault:
        if chance.random() < 0.8:
            return None
        failed.append(faults[chance.integers(len(faults))])
        return failed[-1]

    work = kind()
    assert work_on_job(job=work.request(), worker="w").state == "done"
    whole = work.result()
    work.undo()
    Job.objects.all().delete()
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with store_behind_faults(store_server.url, fault_of) as url:
        use_store_at(url, settings)
        job = work_on_job(job=work.request(), worker="w")
        assert (job.state, job.error) == ("done", "")
    use_store_at(store_server.url, settings)
    assert work.result() == whole
    assert failed
