"""Global features and cluster words from images to pools, as a person asks for them."""

import numpy as np
import pytest
from django.core.management import call_command

from apps.accounts.models import Role
from apps.catalog.models import Image
from apps.jobs.services import beat, work_on_job
from apps.retrieval import registry, selectors, services
from apps.retrieval.models import FeatureSpace, LearnedModel, PoolSource, Ranking, Shard
from apps.retrieval.services.extraction import opened_pixels, vectors_of
from apps.retrieval.services.extraction.learning import arrays_of
from apps.retrieval.services.searches import search_of
from tests.factories import NOON, make_category, make_query, make_study, make_user
from tests.factories.features import add_picture, damage, make_pictured_collection
from tests.factories.pictures import picture_bytes
from tests.retrieval.compute.learned.test_words import by_definition

pytestmark = pytest.mark.django_db

N = 14


@pytest.fixture(autouse=True)
def _small_parts(settings, no_hub):
    settings.SHARD_ROWS = 4
    settings.SEARCH_SHARDS_PER_PART = 2
    settings.WEIGHTS = ""


@pytest.fixture
def collection():
    """`N` pictures with their features; the last is the same as number 5, but for its name."""
    collection = make_pictured_collection("pictures", n_images=N - 1)
    add_picture(collection, ordinal=N - 1, seed=5)
    extract(collection, "gf", "cw")
    return collection


def extract(collection, *spaces: str) -> None:
    job = services.request_extraction(
        collection=collection, spaces=spaces, device="cpu", requested_at=NOON
    )
    assert work_on_job(job=job, worker="test").state == "done"


def rows_of(name: str) -> np.ndarray:
    space = FeatureSpace.objects.filter(name=name).latest("pk")
    with selectors.opened_rows(space=space, start=0, stop=space.rows) as shards:
        return np.concatenate(shards)


def model_of(collection):
    space = selectors.current_space(collection=collection, name="cw")
    return arrays_of(
        model=selectors.learned_model(collection=collection, name="cw", version=space.version)
    )


def test_words_are_computed_from_the_parts_of_gf_in_one_pass(collection):
    spaces = {space.name: space for space in FeatureSpace.objects.all()}
    assert set(spaces) == {"gf", "fcth", "cedd", "ehd", "cld", "gabor", "cw"}
    assert all(space.completed_at and space.rows == N for space in spaces.values())
    parts = np.hstack([rows_of(name) for name in ("fcth", "cedd", "ehd", "cld", "gabor")])
    np.testing.assert_array_equal(rows_of("gf"), parts)
    assert rows_of("gf").shape == (N, 492)
    model = model_of(collection)
    assert (model["documents"], model["most"], len(model["postings"])) == (N, 4, 5 * N)
    assert spaces["cw"].version == f"cw.1-{N}+global.1"
    assert (rows_of("cw")[5] == rows_of("cw")[N - 1]).all()


def test_the_index_is_one_checked_file_and_learning_it_again_gives_the_same_bytes(collection):
    model = LearnedModel.objects.get()
    shards = set(Shard.objects.filter(space__name="cw").values_list("start", "sha256"))
    damage(model.file)
    arrays_of.__globals__["_arrays"].cache_clear()  # as another process would see it
    with pytest.raises(Exception, match=r"differs from its checksum.*extract_features"):
        model_of(collection)
    extract(collection, "cw")
    assert LearnedModel.objects.get().sha256 == model.sha256
    assert set(Shard.objects.filter(space__name="cw").values_list("start", "sha256")) == shards


def test_pools_rank_by_shared_words_and_may_be_shorter_than_asked_for(collection):
    Image.objects.filter(ordinal=2).update(excluded="illustration")
    methods = ["gf", "cw", "cw_5", "rrf(gf+cw)"]
    study = make_study(collection=collection, methods=methods, depth=3, ranking_depth=N)
    category = make_category(study)
    make_query(category, "inside", Image.objects.get(ordinal=5))
    outside = add_picture(collection, ordinal=None, seed=5, image_id="outside.png")
    make_query(category, "outside", outside)
    call_command("build_pools", study.slug)

    words = rows_of("cw").astype(int)
    eligible = np.arange(N) != 2
    ordinal_of = dict(Image.objects.values_list("pk", "ordinal"))
    for query, itself in (("inside", 5), ("outside", -1)):
        for method, least in (("cw", 1), ("cw_5", 5)):
            ranking = Ranking.objects.get(query__query_id=query, method=method)
            found = [ordinal_of[pk] for pk in ranking.images]
            assert found == by_definition(
                words, words[5], itself=itself, eligible=eligible, k=N, min_match=least
            )
            assert (np.diff(ranking.scores) < 0).all()
            assert ranking.version == f"cw.1-{N}+global.1"
    found = Ranking.objects.get(query__query_id="inside", method="cw_5")
    assert 1 <= len(found.images) < N - 2
    assert ordinal_of[found.images[0]] == N - 1  # the copy
    assert set(PoolSource.objects.values_list("method", flat=True)) == set(methods)


def test_images_from_outside_get_the_nearest_words(collection):
    picture = add_picture(collection, ordinal=None, seed=7, image_id="outside.png")
    space = selectors.current_space(collection=collection, name="cw")
    found = vectors_of([picture], opened=opened_pixels, spaces=[space], device="cpu")["cw"]
    np.testing.assert_array_equal(found[0], rows_of("cw")[7])


def test_the_explorer_answers_with_words_for_images_from_inside_and_outside(collection):
    person = make_user("rosa", role=Role.RESEARCHER)
    beat(name="explorer", queues="explore", device="cpu", started_at=NOON, now=NOON)
    words = rows_of("cw").astype(int)
    copy = services.DroppedFile(name="mine.png", content=picture_bytes(77))
    for what in ({"image_id": "0005.png"}, {"file": copy}):
        asked = services.request_exploration(
            collection=collection,
            methods=["cw", "gf"],
            depth=4,
            asked_by=person,
            asked_at=NOON,
            **what,
        )
        services.run_exploration(exploration_id=asked.pk, clock=lambda: NOON)
        asked.refresh_from_db()
        cw, gf = asked.results
        assert (cw["error"], gf["error"]) == ("", "")
        assert len(gf["ordinals"]) == 4
        if "image_id" in what:
            assert cw["ordinals"] == by_definition(
                words, words[5], itself=5, eligible=np.ones(N, bool), k=4
            )


def test_the_largest_number_of_clusters_can_be_set_and_makes_another_version(collection, settings):
    settings.CW_CLUSTERS = 2
    extract(collection, "cw")
    assert model_of(collection)["most"] == 2
    assert set(np.unique(rows_of("cw"))) <= {0, 1}
    assert FeatureSpace.objects.filter(name="cw").count() == 2


def test_exported_words_come_as_text_too(collection, tmp_path):
    out = tmp_path / "words.npz"
    call_command("export_features", "pictures", "cw", "--out", str(out))
    with np.load(out, allow_pickle=False) as found:
        assert found["words"].shape == (N, 5)
        first = found["vectors"][0].astype(int)
        assert found["words"][0].tolist() == [
            f"{feature}_{number:04d}"
            for feature, number in zip(
                ("fcth", "cedd", "ehd", "cld", "gabor"), first.tolist(), strict=True
            )
        ]


def test_a_search_whose_model_is_gone_says_what_to_do(collection):
    space = selectors.current_space(collection=collection, name="cw")
    LearnedModel.objects.all().delete()
    with pytest.raises(Exception, match="run extract_features to learn it again"):
        search_of(method=registry.method_of(name="cw"), space=space)
