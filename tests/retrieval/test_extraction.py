import io

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from apps.catalog.models import Image
from apps.jobs.models import JobPart
from apps.jobs.services import claim_part, settle_job, work_on_job
from apps.retrieval import selectors, services
from apps.retrieval.compute.extractors.global_features import GlobalFeatures
from apps.retrieval.models import FeatureSpace, Shard
from tests.factories import NOON, make_collection
from tests.factories.features import add_picture, damage, make_pictured_collection
from tests.factories.pictures import picture_array

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_shards_and_no_weights(settings, no_hub):
    settings.SHARD_ROWS = 4
    settings.WEIGHTS = ""


def extract(collection, *spaces, device="cpu"):
    job = services.request_extraction(
        collection=collection, spaces=spaces, device=device, requested_at=NOON
    )
    return work_on_job(job=job, worker="test")


def rows_of(space: FeatureSpace) -> np.ndarray:
    with selectors.opened_rows(space=space, start=0, stop=space.rows) as shards:
        return np.concatenate(shards)


def test_a_space_has_a_row_for_every_image_in_the_order_of_ordinals():
    collection = make_pictured_collection(n_images=6)
    job = extract(collection, "cld", "ehd")
    assert (job.state, job.error) == ("done", "")
    space = FeatureSpace.objects.get(name="cld")
    assert (space.rows, space.dimensions, space.completed_at is not None) == (6, 16, True)
    assert list(space.shards.values_list("start", "rows")) == [(0, 4), (4, 2)]
    one = GlobalFeatures()
    expected = one.extract([one.prepare(picture_array(seed)) for seed in range(6)])["cld"]
    np.testing.assert_array_equal(rows_of(space), expected)


def test_shards_are_plain_npy_files_named_by_number_with_code_version():
    collection = make_pictured_collection(n_images=5)
    extract(collection, "cld")
    shard = Shard.objects.get(start=4)
    assert shard.file.endswith("/shard-00001.npy")
    assert shard.provenance["extractor"] == "global.1"
    with default_storage.open(shard.file) as file:
        assert np.load(io.BytesIO(file.read())).shape == (1, 16)


def test_an_image_that_cannot_be_read_is_a_nan_row_with_its_reason():
    collection = make_pictured_collection(n_images=3)
    bad = Image.objects.get(ordinal=1)
    damage(bad.original)
    Image.objects.filter(ordinal=2).update(original="")
    job = extract(collection, "cld")
    space = FeatureSpace.objects.get(name="cld")
    rows = rows_of(space)
    assert np.isnan(rows[1]).all()
    assert np.isnan(rows[2]).all()
    assert np.isfinite(rows[0]).all()
    missing = dict(Shard.objects.get().missing)
    assert missing == {
        1: f"The file {bad.original} differs from its checksum.",
        2: "The image 0002.png came without its file.",
    }
    assert job.result["missing"] == 2


def test_doing_it_again_computes_nothing_and_changes_no_file():
    collection = make_pictured_collection(n_images=6)
    extract(collection, "cld")
    before = {
        shard.pk: default_storage.get_modified_time(shard.file) for shard in Shard.objects.all()
    }
    job = extract(collection, "cld")
    assert (job.result["computed"], job.result["kept"]) == (0, 2)
    assert before == {
        shard.pk: default_storage.get_modified_time(shard.file) for shard in Shard.objects.all()
    }


def test_images_added_later_cost_only_the_tail():
    collection = make_pictured_collection(n_images=6)
    extract(collection, "cld")
    whole, tail = Shard.objects.order_by("start")
    for ordinal in range(6, 10):
        add_picture(collection, ordinal=ordinal)
    assert not selectors.is_complete(space=FeatureSpace.objects.get(), rows=10)
    job = extract(collection, "cld")
    assert (job.result["computed"], job.result["kept"]) == (2, 1)
    assert list(Shard.objects.order_by("start").values_list("start", "rows")) == [
        (0, 4),
        (4, 4),
        (8, 2),
    ]
    assert Shard.objects.get(pk=whole.pk).sha256 == whole.sha256
    assert Shard.objects.get(pk=tail.pk).sha256 != tail.sha256
    assert FeatureSpace.objects.get().completed_at is not None


def test_a_damaged_shard_is_refused_by_name_and_rebuilt():
    collection = make_pictured_collection(n_images=6)
    extract(collection, "cld")
    space = FeatureSpace.objects.get()
    shard = Shard.objects.get(start=4)
    damage(shard.file)
    with pytest.raises(Exception, match=rf"{shard.file} differs.*extract_features"):
        rows_of(space)
    job = extract(collection, "cld")
    assert (job.result["computed"], job.result["kept"]) == (1, 1)
    assert Shard.objects.get(start=4).sha256 == shard.sha256
    assert np.isfinite(rows_of(space)).all()


def test_a_killed_worker_costs_one_shard():
    collection = make_pictured_collection(n_images=12)
    job = services.request_extraction(
        collection=collection, spaces=["cld"], device="cpu", requested_at=NOON
    )
    dead = claim_part(job=job, worker="dead", now=NOON)  # its lease ended long ago
    job = work_on_job(job=job, worker="alive")
    assert job.state == "done"
    assert dict(job.parts.values_list("key", "attempts")) == {
        dead.key: 2,
        "global/00001": 1,
        "global/00002": 1,
    }


def test_parts_done_twice_and_in_any_order_give_the_same_bytes():
    collection = make_pictured_collection(n_images=9)
    extract(collection, "cld", "ehd")
    before = set(Shard.objects.values_list("space__name", "start", "sha256"))
    FeatureSpace.objects.all().delete()
    job = services.request_extraction(
        collection=collection, spaces=["cld", "ehd"], device="cpu", requested_at=NOON
    )
    from apps.retrieval.services.extraction import extract_shard

    for part in [*job.parts.order_by("-position"), job.parts.first()]:
        extract_shard(part, lambda done: None)
    assert set(Shard.objects.values_list("space__name", "start", "sha256")) == before


def test_asking_again_while_it_runs_joins_the_job_and_other_spaces_are_refused():
    collection = make_pictured_collection(n_images=2)
    first = services.request_extraction(
        collection=collection, spaces=["cld"], device="cpu", requested_at=NOON
    )
    again = services.request_extraction(
        collection=collection, spaces=["cld"], device="cpu", requested_at=NOON
    )
    assert again.pk == first.pk
    with pytest.raises(Exception, match=rf"job {first.pk}\)"):
        services.request_extraction(
            collection=collection, spaces=["ehd"], device="cpu", requested_at=NOON
        )
    assert not FeatureSpace.objects.filter(name="ehd").exists()  # nothing half-started stays


def test_the_command_leaves_out_what_lacks_weights_in_one_line_and_does_the_rest(capsys):
    make_pictured_collection("animals", n_images=2)
    call_command("extract_features", "animals")
    out = capsys.readouterr().out
    assert out.count("Left out: r_full, r_sum, r_max, r_regions, r_mac. Weights not found") == 1
    assert "gf, fcth, cedd, ehd, cld, gabor, gabor_lire, cw: 2 shards computed" in out
    computed = set(FeatureSpace.objects.values_list("name", flat=True))
    assert computed == {*GlobalFeatures.dimensions, "cw"}


def test_the_command_goes_on_with_an_unfinished_job(capsys):
    collection = make_pictured_collection("animals", n_images=9)
    job = services.request_extraction(
        collection=collection, spaces=["cld"], device="cpu", requested_at=NOON
    )
    call_command("extract_features", "animals", "--space", "ehd")
    assert f"Going on with job {job.pk}" in capsys.readouterr().out
    assert {space.name for space in FeatureSpace.objects.all() if space.completed_at} == {
        "cld",
        "ehd",
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["nothing"], "There is no collection 'nothing'", id="unknown collection"),
        pytest.param(["animals", "--space", "nope"], "no feature space 'nope'", id="unknown space"),
        pytest.param(["animals", "--device", "tpu"], "not 'tpu'", id="unknown device"),
        pytest.param(["empty"], "has no images yet", id="no images"),
        pytest.param(
            ["animals", "--space", "r_max"], "r_max cannot be computed here", id="no weights"
        ),
    ],
)
def test_the_command_refuses_with_one_sentence(arguments, sentence):
    make_pictured_collection("animals", n_images=1)
    make_collection("empty")
    with pytest.raises(CommandError, match=sentence):
        call_command("extract_features", *arguments)
    assert not FeatureSpace.objects.exists()
    assert not JobPart.objects.exists()


def test_a_cancelled_job_stops_at_the_next_batch(monkeypatch):
    monkeypatch.setattr(GlobalFeatures, "batch_size", 1)
    collection = make_pictured_collection(n_images=4)
    job = services.request_extraction(
        collection=collection, spaces=["cld"], device="cpu", requested_at=NOON
    )
    from apps.jobs.services import CancelledError
    from apps.retrieval.services.extraction import extract_shard

    seen = []

    def stop_at_two(done):
        seen.append(done)
        if done == 2:
            raise CancelledError("cancelled")

    with pytest.raises(CancelledError):
        extract_shard(job.parts.get(), stop_at_two)
    assert seen == [1, 2]
    assert not Shard.objects.exists()
    assert settle_job(job=job, now=NOON).state == "pending"
