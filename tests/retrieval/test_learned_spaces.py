import numpy as np
import pytest
from django.core.files.storage import default_storage

from apps.catalog.models import Image
from apps.catalog.selectors import open_original
from apps.jobs.models import Job
from apps.jobs.services import claim_part, retry_job, run_claimed_part, work_on_job
from apps.retrieval import registry, selectors, services
from apps.retrieval.models import FeatureSpace, LearnedModel, Shard
from apps.retrieval.services.extraction import (
    PictureUnreadableError,
    opened_pixels,
    vectors_of,
)
from tests.factories import NOON
from tests.factories.features import add_picture, damage, make_pictured_collection
from tests.factories.learner import CENTRED, Centred

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_learned_space(monkeypatch, settings, no_hub):
    settings.SHARD_ROWS = 4
    settings.WEIGHTS = ""
    learned = registry.learned
    monkeypatch.setattr(registry, "learned", lambda: (*learned(), CENTRED))


def request(collection, *spaces) -> Job:
    return services.request_extraction(
        collection=collection, spaces=spaces, device="cpu", requested_at=NOON
    )


def extract(collection, *spaces) -> Job:
    return work_on_job(job=request(collection, *spaces), worker="test")


def rows_of(name: str) -> np.ndarray:
    space = FeatureSpace.objects.filter(name=name).latest("pk")
    with selectors.opened_rows(space=space, start=0, stop=space.rows) as shards:
        return np.concatenate(shards)


def test_asking_for_a_learned_space_computes_its_sources_the_model_and_its_shards():
    job = extract(make_pictured_collection(n_images=6), "centred")
    assert (job.state, job.error) == ("done", "")
    assert job.result["spaces"] == ["ehd", "cld", "centred"]
    assert list(job.parts.values_list("stage", "key")) == [
        (0, "global/00000"),
        (0, "global/00001"),
        (1, "centred/learn"),
        (2, "centred/00000"),
        (2, "centred/00001"),
    ]
    sources = np.hstack([rows_of("cld"), rows_of("ehd")])
    np.testing.assert_allclose(rows_of("centred"), sources - sources.mean(axis=0), atol=1e-5)
    assert FeatureSpace.objects.get(name="centred").completed_at is not None


def test_the_version_names_code_images_and_sources_and_the_shards_name_the_model():
    extract(make_pictured_collection(n_images=3), "centred")
    space, model = FeatureSpace.objects.get(name="centred"), LearnedModel.objects.get()
    assert space.version == model.version == "centred.1-3+global.1"
    assert model.provenance["sources"] == {"cld": "global.1", "ehd": "global.1"}
    assert model.provenance["images"] == 3
    assert Shard.objects.get(space=space).provenance["model"] == model.sha256
    with default_storage.open(model.file) as file, np.load(file) as arrays:
        assert set(arrays.files) == {"cld", "ehd"}


def test_a_version_that_would_be_too_long_ends_in_a_digest():
    sources = [f"extractor-{number}.1" for number in range(10)]
    versions = {
        selectors.learned_version(entry=CENTRED, sources=sources, rows=rows) for rows in (3, 4)
    } | {selectors.learned_version(entry=CENTRED, sources=[*sources[:9], "other"], rows=3)}
    assert len(versions) == 3
    assert {len(version) for version in versions} == {100}


def test_images_that_cannot_be_read_are_no_part_of_the_model_and_missing_with_the_reason():
    collection = make_pictured_collection(n_images=6)
    bad = Image.objects.get(ordinal=1)
    damage(bad.original)
    job = extract(collection, "centred")
    assert job.result["missing"] == 1
    rows = rows_of("centred")
    assert np.isnan(rows[1]).all()
    np.testing.assert_allclose(rows[[0, 2, 3, 4, 5]].mean(axis=0), 0, atol=1e-5)
    space = FeatureSpace.objects.get(name="centred")
    assert "differs from its checksum" in selectors.unreadable_reason(space=space, ordinal=1)
    assert LearnedModel.objects.get().provenance["images"] == 5


def test_a_collection_without_a_readable_image_fails_with_a_sentence():
    collection = make_pictured_collection(n_images=2)
    Image.objects.update(original="")
    job = extract(collection, "centred")
    assert job.state == "failed"
    assert "no image of pictures could be read in cld, ehd" in job.error
    assert not LearnedModel.objects.exists()


def test_doing_it_again_learns_and_computes_nothing(monkeypatch):
    collection = make_pictured_collection(n_images=6)
    extract(collection, "centred")
    monkeypatch.setattr(Centred, "learn", None)
    monkeypatch.setattr(Centred, "transform", None)
    job = extract(collection, "centred")
    assert (job.state, job.result["computed"], job.result["kept"]) == ("done", 0, 4)


def test_images_added_later_make_another_version():
    collection = make_pictured_collection(n_images=4)
    extract(collection, "centred")
    add_picture(collection, ordinal=4)
    (state,) = [one for one in selectors.spaces_of(collection=collection) if one.name == "centred"]
    assert state.state == "missing"
    assert state.reason == "Computed for 4 of 5 images, in another way."
    extract(collection, "centred")
    assert list(FeatureSpace.objects.filter(name="centred").values_list("version", "rows")) == [
        ("centred.1-4+global.1", 4),
        ("centred.1-5+global.1", 5),
    ]
    np.testing.assert_allclose(rows_of("centred").mean(axis=0), 0, atol=1e-5)


def test_a_damaged_model_is_learned_again_and_gives_the_same_bytes():
    collection = make_pictured_collection(n_images=6)
    extract(collection, "centred")
    model = LearnedModel.objects.get()
    damage(model.file)
    job = extract(collection, "centred")
    assert (job.result["computed"], job.result["kept"]) == (0, 4)
    assert LearnedModel.objects.get().sha256 == model.sha256
    assert job.parts.get(stage=1).result == {"model": model.sha256, "learned": True}


def test_shards_of_another_model_are_computed_again(monkeypatch):
    collection = make_pictured_collection(n_images=6)
    extract(collection, "centred")
    before = rows_of("centred")
    damage(LearnedModel.objects.get().file)
    learn = Centred.learn

    def on_another_machine(self, **arguments):
        return {name: mean + 1 for name, mean in learn(self, **arguments).items()}

    monkeypatch.setattr(Centred, "learn", on_another_machine)
    assert extract(collection, "centred").result["computed"] == 2
    np.testing.assert_allclose(rows_of("centred"), before - 1, atol=1e-5)


def test_a_worker_killed_while_it_learned_costs_that_part():
    collection = make_pictured_collection(n_images=6)
    job = request(collection, "centred")
    while (part := claim_part(job=job, worker="dead", now=NOON)) and part.stage == 0:
        run_claimed_part(part=part)
    assert part.key == "centred/learn"  # claimed, and its lease ended long ago
    job = work_on_job(job=job, worker="alive")
    assert job.state == "done"
    assert job.parts.get(key="centred/learn").attempts == 2
    assert rows_of("centred").shape == (6, 96)


def test_a_job_that_failed_in_the_model_goes_on_there(monkeypatch):
    collection = make_pictured_collection(n_images=6)
    learn = Centred.learn
    monkeypatch.setattr(Centred, "learn", lambda self, **_: 1 / 0)
    job = extract(collection, "centred")
    assert job.error.startswith("centred/learn: ZeroDivisionError")
    monkeypatch.setattr(Centred, "learn", learn)
    job = work_on_job(job=retry_job(job=job, now=NOON), worker="test")
    assert job.state == "done"
    assert set(job.parts.filter(stage=0).values_list("attempts", flat=True)) == {1}


def test_code_that_changed_after_the_start_is_refused(monkeypatch):
    collection = make_pictured_collection(n_images=2)
    job = request(collection, "centred")
    monkeypatch.setattr(Centred, "version", "centred.2")
    job = work_on_job(job=job, worker="test")
    assert "The code of centred changed since this job was started" in job.error


def test_a_learned_space_cannot_be_computed_without_its_sources():
    collection = make_pictured_collection(n_images=2)
    with pytest.raises(Exception, match=r"^r_mac cannot be computed here. Weights not found"):
        request(collection, "cld", "r_mac")
    (state,) = [one for one in selectors.spaces_of(collection=collection) if one.name == "r_mac"]
    assert (state.state, state.reason) == ("unavailable", "Weights not found")


def test_pictures_from_outside_go_through_sources_and_the_stored_model():
    collection = make_pictured_collection(n_images=6)
    extract(collection, "centred")
    images = list(Image.objects.order_by("ordinal"))
    spaces = list(FeatureSpace.objects.filter(name__in=["centred", "cld"]))
    done = []
    found = vectors_of(
        images, opened=opened_pixels, spaces=spaces, device="cpu", on_progress=done.append
    )
    assert set(found) == {"centred", "cld"}
    np.testing.assert_array_equal(found["centred"], rows_of("centred"))
    np.testing.assert_array_equal(found["cld"], rows_of("cld"))
    assert done == [1, 2, 3, 4, 5, 6]
    assert vectors_of([], opened=opened_pixels, spaces=spaces, device="cpu") == {}


def test_a_picture_from_outside_that_cannot_be_read_is_named_by_its_number():
    collection = make_pictured_collection(n_images=3)
    extract(collection, "centred")
    images = list(Image.objects.order_by("ordinal"))
    damage(images[2].original)
    with pytest.raises(PictureUnreadableError, match="checksum") as caught:
        vectors_of(
            images,
            opened=opened_pixels,
            spaces=FeatureSpace.objects.filter(name="centred"),
            device="cpu",
        )
    assert caught.value.number == 2


def test_a_model_that_is_gone_is_refused_with_what_to_do():
    collection = make_pictured_collection(n_images=2)
    extract(collection, "centred")
    model = LearnedModel.objects.get()
    image = Image.objects.first()
    from apps.retrieval.services.extraction import learning

    learning._arrays.cache_clear()
    default_storage.delete(model.file)
    for sentence in ("Run extract_features to learn it again", "run extract_features to learn"):
        with pytest.raises(Exception, match=sentence):
            vectors_of(
                [image],
                opened=lambda one: np.asarray(open_original(image=one)),
                spaces=FeatureSpace.objects.filter(name="centred"),
                device="cpu",
            )
        LearnedModel.objects.all().delete()


@pytest.mark.slow
def test_r_mac_of_a_real_network_from_images_to_a_query_from_outside(settings, shared):
    settings.WEIGHTS, settings.BACKBONE = str(shared / "weights"), "resnet18"
    collection = make_pictured_collection(n_images=6)
    job = extract(collection, "r_mac")
    assert (job.state, job.error) == ("done", "")
    assert job.result["spaces"] == ["r_regions", "r_mac"]
    rows = rows_of("r_mac")
    assert rows.shape == (6, 512)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    assert distances[~np.eye(6, dtype=bool)].min() > 0.01
    found = vectors_of(
        [Image.objects.get(ordinal=2)],
        opened=opened_pixels,
        spaces=FeatureSpace.objects.filter(name="r_mac"),
        device="cpu",
    )
    np.testing.assert_allclose(found["r_mac"][0], rows[2], atol=1e-3)
