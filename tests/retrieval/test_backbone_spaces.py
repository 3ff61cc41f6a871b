"""Spaces from lines of TOML, from the setting to shards and queries from outside."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import default_storage
from rest_framework.test import APIClient

from apps.accounts.models import Role
from apps.catalog.models import Image
from apps.common.storage import publish
from apps.jobs.services import retry_job, work_on_job
from apps.retrieval import registry, selectors, services
from apps.retrieval.models import FeatureSpace, Shard
from apps.retrieval.services.extraction import opened_pixels, vectors_of
from tests.factories import NOON, make_user
from tests.factories.backbones import save_backbone
from tests.factories.features import make_pictured_collection

pytestmark = pytest.mark.django_db

LINES = """
tiny_sum = { model = "tiny/resnet", layer = "encoder.stages.3", aggregate = "sum" }
tiny_max = { model = "tiny/resnet", layer = "encoder.stages.3", aggregate = "max" }
absent = { model = "some/absent", output = "pooled" }
"""


@pytest.fixture(autouse=True)
def _threads_as_before():
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def lines(settings, tmp_path, no_hub):
    """Writes the file of spaces."""
    settings.SHARD_ROWS = 4
    settings.WEIGHTS = str(tmp_path)
    settings.SPACES = str(tmp_path / "spaces.toml")
    save_backbone(tmp_path, "resnet")
    stamp = [0]

    def write(text: str) -> None:
        (tmp_path / "spaces.toml").write_text(text)
        stamp[0] += 10**9  # a change that follows at once is seen, however coarse the clock
        os.utime(tmp_path / "spaces.toml", ns=(stamp[0], stamp[0]))

    write(LINES)
    return write


def admin() -> APIClient:
    api = APIClient()
    api.force_authenticate(make_user(role=Role.ADMIN))
    return api


def extract(collection, *spaces):
    job = services.request_extraction(
        collection=collection, spaces=spaces, device="cpu", requested_at=NOON
    )
    return work_on_job(job=job, worker="test")


def rows_of(name: str) -> np.ndarray:
    space = FeatureSpace.objects.filter(name=name).latest("pk")
    with selectors.opened_rows(space=space, start=0, stop=space.rows) as shards:
        return np.concatenate(shards)


def test_lines_of_one_model_are_one_extractor_and_each_is_a_method(lines):
    entries = {entry.name: entry for entry in registry.hub_backbones()}
    assert {name: [one.name for one in entry.spaces] for name, entry in entries.items()} == {
        "tiny--resnet": ["tiny_sum", "tiny_max"],
        "some--absent": ["absent"],
    }
    method = registry.method_of(name="tiny_sum")
    assert (method.space, method.search_title) == ("tiny_sum", "exact Euclidean")
    assert callable(method.load())


def test_from_images_to_rows_and_a_query_from_outside(lines):
    collection = make_pictured_collection(n_images=6)
    job = extract(collection, "tiny_sum", "tiny_max")
    assert (job.state, job.error) == ("done", "")
    assert list(job.parts.values_list("key", flat=True)) == [
        "tiny--resnet/00000",
        "tiny--resnet/00001",
    ]
    space = FeatureSpace.objects.get(name="tiny_sum")
    assert (space.dimensions, space.rows) == (32, 6)
    assert space.version.startswith("hf.1-")
    assert space.version.endswith("/encoder.stages.3:sum")
    rows = rows_of("tiny_sum")
    assert rows.shape == (6, 32)
    assert np.isfinite(rows).all()
    assert (rows >= rows_of("tiny_max") - 1e-5).all()  # of values >= 0
    found = vectors_of(
        [Image.objects.get(ordinal=3)], opened=opened_pixels, spaces=[space], device="cpu"
    )
    np.testing.assert_allclose(found["tiny_sum"][0], rows[3], rtol=1e-4)


def test_pages_show_dimensions_once_they_are_known_and_what_is_missing(lines):
    collection = make_pictured_collection(n_images=2)

    def states():
        return {one.name: one for one in selectors.spaces_of(collection=collection)}

    before = states()
    assert (before["tiny_sum"].dimensions, before["tiny_sum"].state) == (None, "missing")
    assert before["absent"].state == "unavailable"
    assert "has no some--absent/ with config.json" in before["absent"].how
    extract(collection, "tiny_sum")
    assert (states()["tiny_sum"].dimensions, states()["tiny_sum"].bytes) == (32, 2 * 32 * 4)
    answer = admin().get("/api/v1/methods/").json()
    assert {row["name"]: row["dimensions"] for row in answer}["tiny_sum"] is None


def test_another_line_beside_it_changes_no_version_and_another_layer_does(lines):
    collection = make_pictured_collection(n_images=2)
    extract(collection, "tiny_sum")
    lines(LINES + 'tiny_pooled = { model = "tiny/resnet", output = "pooled" }')
    assert extract(collection, "tiny_sum").result["computed"] == 0
    lines(LINES.replace("stages.3", "stages.2"))
    assert extract(collection, "tiny_sum").result["computed"] == 1
    assert rows_of("tiny_sum").shape == (2, 24)
    assert FeatureSpace.objects.filter(name="tiny_sum").count() == 2


def test_a_line_that_changed_after_the_start_is_refused(lines):
    collection = make_pictured_collection(n_images=2)
    job = services.request_extraction(
        collection=collection, spaces=["tiny_sum"], device="cpu", requested_at=NOON
    )
    lines(LINES.replace("stages.3", "stages.2"))
    assert "the line of tiny_sum changed" in work_on_job(job=job, worker="test").error
    lines("")
    assert (
        "no extractor 'tiny--resnet' any more"
        in work_on_job(job=retry_job(job=job, now=NOON), worker="test").error
    )


def test_a_layer_that_is_not_there_fails_the_job_with_the_nearest(lines):
    lines(LINES.replace("encoder.stages.3", "encoder.stage.3"))
    job = extract(make_pictured_collection(n_images=2), "tiny_sum")
    assert "the nearest is 'encoder.stages.3'" in job.error


def cramp(monkeypatch, *, holds: int) -> list[int]:
    """Let a real network run out of memory for more than so many pictures; batches it refused."""
    import torch

    from apps.retrieval.compute.extractors.network import Network

    run, refused = Network.run, []

    def cramped(self, call, batch):
        if len(batch) > holds:
            refused.append(len(batch))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return run(self, call, batch)

    load_extractor_again()
    extract(make_pictured_collection("warm", n_images=1), "tiny_sum")  # loaded while there is room
    monkeypatch.setattr(Network, "run", cramped)
    return refused


def load_extractor_again() -> None:
    from apps.retrieval.services.extraction import extractors

    extractors._deep.cache_clear()


def test_a_job_goes_on_in_smaller_batches_when_memory_is_short(lines, settings, monkeypatch):
    settings.SHARD_ROWS, settings.THREADS = 8, 1
    collection = make_pictured_collection(n_images=13)
    extract(collection, "tiny_sum")
    expected = rows_of("tiny_sum")
    FeatureSpace.objects.all().delete()
    refused = cramp(monkeypatch, holds=2)
    job = extract(collection, "tiny_sum")
    load_extractor_again()
    assert (job.state, job.error) == ("done", "")
    assert refused == [8, 4, 4]  # the first batch, then its halves; later ones are of two
    np.testing.assert_allclose(rows_of("tiny_sum"), expected, rtol=1e-4)


def test_a_device_that_holds_no_image_fails_the_job_with_what_to_do(lines, monkeypatch):
    collection = make_pictured_collection(n_images=2)
    cramp(monkeypatch, holds=0)
    job = extract(collection, "tiny_sum")
    load_extractor_again()
    assert "does not hold a single image: CUDA out of memory: take --device cpu." in job.error


def test_a_corrupt_image_within_a_batch_is_a_missing_row_and_the_others_are_as_ever(lines):
    collection = make_pictured_collection(n_images=6)
    extract(collection, "tiny_sum")
    expected = rows_of("tiny_sum")
    FeatureSpace.objects.all().delete()
    bad = Image.objects.get(ordinal=2)
    default_storage.delete(bad.original)
    bad.sha256 = publish(bad.original, io.BytesIO(b"\xff\xd8\xff no picture"))
    bad.save()
    job = extract(collection, "tiny_sum")
    assert (job.state, job.result["missing"]) == ("done", 1)
    rows = rows_of("tiny_sum")
    assert np.isnan(rows[2]).all()
    others = [0, 1, 3, 4, 5]
    np.testing.assert_allclose(rows[others], expected[others], rtol=1e-4)
    ((ordinal, reason),) = Shard.objects.get(start=0).missing
    assert ordinal == 2
    assert reason


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("x = 1", "spaces.toml, x: a line looks like", id="bad line"),
        pytest.param(
            'r_max = { model = "a/b", output = "pooled" }',
            "r_max: there is a space or method of that name already",
            id="a name that is taken",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_on_pages_and_stops_the_start(lines, text, sentence):
    from django.apps import apps

    lines(text)
    answer = admin().get("/api/v1/methods/")
    assert answer.status_code == 400
    assert sentence in answer.json()["detail"]
    with pytest.raises(ImproperlyConfigured, match=sentence):
        apps.get_app_config("retrieval").ready()


def test_a_file_that_is_not_there_stops_the_start(settings):
    from django.apps import apps

    settings.SPACES = "/does/not/exist.toml"
    with pytest.raises(ImproperlyConfigured, match=r"exist\.toml cannot be read"):
        apps.get_app_config("retrieval").ready()


WEB = """
import sys
import django
django.setup()
from apps.retrieval import registry, selectors
state = selectors.availability_of_space(name="tiny_sum", rows=3)
assert state.version, state
assert registry.method_of(name="tiny_sum")
heavy = {"torch", "transformers", "faiss", "sklearn"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_web_process_reads_lines_and_files_without_torch(lines, settings):
    environment = os.environ | {
        "LIKENESS_SPACES": settings.SPACES,
        "LIKENESS_WEIGHTS": settings.WEIGHTS,
    }
    done = subprocess.run(
        [sys.executable, "-c", WEB], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
