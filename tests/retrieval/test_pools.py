import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from apps.assessment.models import Assignment, Participant, Task
from apps.catalog.models import Image
from apps.jobs.models import Job
from apps.jobs.services import work_on_job
from apps.retrieval import selectors, services
from apps.retrieval.models import PoolEntry, PoolSource, Ranking
from apps.retrieval.services.pools import run_pool_part
from apps.studies.models import Study
from tests.factories import (
    NOON,
    make_category,
    make_collection,
    make_query,
    make_study,
    make_user,
)
from tests.factories.features import add_picture, damage, make_pictured_collection, make_space

pytestmark = pytest.mark.django_db

N = 12


@pytest.fixture(autouse=True)
def _small_parts(settings, no_hub):
    settings.SHARD_ROWS = 4
    settings.SEARCH_SHARDS_PER_PART = 1
    settings.WEIGHTS = ""


def line(columns: int, *, values=range(N)) -> np.ndarray:
    """Row i is (values[i], 0, 0, ...): distances are differences of values."""
    rows = np.zeros((N, columns))
    rows[:, 0] = list(values)
    return rows


@pytest.fixture
def study() -> Study:
    """On a line: `ehd` finds the nearest numbers, `cld` the same line turned round at 0."""
    collection = make_collection(n_images=N)
    study = make_study(collection=collection, depth=3, ranking_depth=6)
    category = make_category(study)
    make_query(category, "q1", Image.objects.get(ordinal=0))
    make_query(category, "q2", Image.objects.get(ordinal=5))
    make_space(collection, "ehd", line(80))
    make_space(collection, "cld", line(16, values=[0, *range(N - 1, 0, -1)]))
    return study


def build(study: Study, **options) -> Job:
    asked = {"depth": None, "device": "cpu", "requested_at": NOON} | options
    job = services.request_pools(study=study, **asked)
    return work_on_job(job=job, worker="test")


def ranking(query_id: str, method: str) -> list[int]:
    """Ordinals, best first."""
    images = Ranking.objects.get(query__query_id=query_id, method=method).images
    ordinal = dict(Image.objects.values_list("pk", "ordinal"))
    return [ordinal[image] for image in images]


def pool(query_id: str) -> set[int]:
    entries = PoolEntry.objects.filter(query__query_id=query_id)
    return set(entries.values_list("image__ordinal", flat=True))


def everything_stored() -> tuple:
    return (
        list(
            Ranking.objects.order_by("query", "method").values_list(
                "query__query_id", "method", "images", "scores", "version"
            )
        ),
        list(PoolEntry.objects.order_by("pk").values_list("query__query_id", "image")),
        list(
            PoolSource.objects.order_by("entry", "method").values_list(
                "entry__query__query_id", "entry__image", "method", "rank", "score"
            )
        ),
    )


def test_rankings_are_exact_without_the_query_and_ties_go_by_ordinal(study):
    job = build(study)
    assert (job.state, job.error) == ("done", "")
    assert ranking("q1", "ehd") == [1, 2, 3, 4, 5, 6]
    assert ranking("q2", "ehd") == [4, 6, 3, 7, 2, 8]
    # cld: image 5 is at 7, so 4 (at 8) and 6 (at 6) are at distance sqrt(2), and so on.
    assert ranking("q2", "cld") == [4, 6, 3, 7, 2, 8]
    assert ranking("q1", "cld") == [11, 10, 9, 8, 7, 6]
    scores = Ranking.objects.get(query__query_id="q2", method="ehd").scores
    below = float(np.nextafter(np.float32(-1), np.float32(-2)))
    assert scores[:3] == [-1.0, below, -2.0]
    assert Ranking.objects.filter(version="global.1").count() == 4


def test_the_pool_is_the_union_of_the_best_with_its_ledger(study):
    build(study)
    assert pool("q1") == {1, 2, 3, 9, 10, 11}
    assert pool("q2") == {3, 4, 6}
    shared_pair = PoolEntry.objects.get(query__query_id="q2", image__ordinal=6)
    assert [
        (source.method, source.rank, round(source.score, 6))
        for source in shared_pair.sources.order_by("method")
    ] == [("cld", 2, -1.414214), ("ehd", 2, -1.0)]
    summary = selectors.pool_summary(study=study)
    assert summary.n_pairs == 9
    assert summary.unique == {"cld": 3, "ehd": 3}
    assert summary.rankings == {"cld": 2, "ehd": 2}
    assert [(one.id, one.n_pairs, one.by_method) for one in summary.by_query] == [
        ("q1", 6, {"cld": 3, "ehd": 3}),
        ("q2", 3, {"cld": 3, "ehd": 3}),
    ]


def test_screened_out_images_and_rows_without_vectors_never_enter(study):
    Image.objects.filter(ordinal__in=[1, 4]).update(excluded="illustration")
    collection = study.collection
    rows = line(80)
    rows[[2, 6]] = np.nan
    collection.spaces.filter(name="ehd").delete()
    make_space(collection, "ehd", rows)
    build(study)
    assert ranking("q1", "ehd") == [3, 5, 7, 8, 9, 10]
    assert not pool("q1") & {1, 4}


def test_the_result_is_the_same_for_any_workers_shards_and_order_of_parts(study, settings):
    build(study)
    expected = everything_stored()
    Ranking.objects.all().delete()
    PoolEntry.objects.all().delete()

    job = services.request_pools(study=study, depth=None, device="cpu", requested_at=NOON)
    parts = list(job.parts.order_by("stage", "-position"))  # every stage backwards
    assert len(parts) == 1 + 2 * 3 + 1
    for number, part in enumerate(parts):
        for _ in range(1 + number % 2):  # and some parts twice
            part.result = run_pool_part(part, lambda done: None)
        part.state = "done"
        part.save()
    pairs, rankings = everything_stored()[1], everything_stored()[0]
    assert (rankings, pairs) == (expected[0], expected[1])
    assert everything_stored()[2] == expected[2]

    Ranking.objects.all().delete()
    PoolEntry.objects.all().delete()
    Job.objects.all().delete()
    settings.SEARCH_SHARDS_PER_PART = 64  # one part searches all
    build(study)
    assert everything_stored() == expected


@pytest.mark.parametrize(
    ("most", "parts"),
    [
        pytest.param(2**20, 1, id="all shards in one part"),
        pytest.param(2 * 4 * 16 * 4, 2, id="two shards of cld"),
        pytest.param(1, 3, id="never less than one shard"),
    ],
)
def test_a_part_of_a_search_opens_so_many_bytes(study, settings, most, parts):
    settings.SEARCH_SHARDS_PER_PART = 64
    settings.SEARCH_PART_BYTES = most
    job = build(study)
    assert job.parts.filter(key__startswith="search/cld/").count() == parts


def test_the_files_of_the_searches_are_gone_at_the_end(study):
    build(study)
    folders, files = default_storage.listdir("pools")
    assert str(study.pk) not in folders or default_storage.listdir(f"pools/{study.pk}") == ([], [])
    assert files == []


def test_building_again_changes_nothing_and_says_so(study):
    build(study)
    before = everything_stored()
    entries = set(PoolEntry.objects.values_list("pk", flat=True))
    job = build(study)
    assert job.result["changed"] is False
    assert everything_stored() == before
    assert set(PoolEntry.objects.values_list("pk", flat=True)) == entries


def test_a_draft_can_be_pooled_to_another_depth_and_pairs_that_stay_keep_their_rows(study):
    build(study)
    before = {(entry.query_id, entry.image_id): entry.pk for entry in PoolEntry.objects.all()}
    build(study, depth=2)
    study.refresh_from_db()
    assert study.depth == 2
    assert pool("q1") == {1, 2, 10, 11}
    for entry in PoolEntry.objects.all():
        assert before[entry.query_id, entry.image_id] == entry.pk
    build(study, depth=8)
    study.refresh_from_db()
    assert (study.depth, study.ranking_depth) == (8, 8)
    assert len(ranking("q1", "ehd")) == 8


def plan_one_pair(study: Study, entry: PoolEntry) -> Task:
    participant = Participant.objects.create(study=study, user=make_user(), pseudonym="A1")
    assignment = Assignment.objects.create(participant=participant, query=entry.query, position=0)
    return Task.objects.create(assignment=assignment, entry=entry, position=0)


def test_pairs_that_were_given_to_an_assessor_stay(study):
    build(study)
    given = PoolEntry.objects.get(query__query_id="q1", image__ordinal=3)
    plan_one_pair(study, given)
    job = build(study, depth=1)
    assert job.result["kept_judged"] == 1
    assert pool("q1") == {1, 3, 11}
    assert PoolEntry.objects.get(pk=given.pk).sources.count() == 0


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_planned_study_keeps_its_pools(study, state):
    build(study)
    before = everything_stored()
    Study.objects.update(state=state)
    study.refresh_from_db()
    assert build(study).result["changed"] is False
    with pytest.raises(services.StudyIsPlannedError, match="depth can no longer change"):
        build(study, depth=2)
    Image.objects.filter(ordinal=1).update(excluded="illustration")
    job = build(study)
    assert (job.state, "would change" in job.error) == ("failed", True)
    assert everything_stored() == before


def test_a_query_from_outside_is_extracted_like_the_collection():
    collection = make_pictured_collection("animals", n_images=5)
    extraction = services.request_extraction(
        collection=collection, spaces=["cld", "ehd"], device="cpu", requested_at=NOON
    )
    work_on_job(job=extraction, worker="test")
    study = make_study(collection=collection, depth=2, ranking_depth=5)
    # The same picture as image 3, but not of the collection: image 3 is its best result.
    outside = add_picture(collection, ordinal=None, seed=3, image_id="query:q1")
    make_query(make_category(study), "q1", outside)
    job = build(study)
    assert (job.state, job.error) == ("done", "")
    for method in ("cld", "ehd"):
        assert 3 in ranking("q1", method)
        assert len(ranking("q1", method)) == 5
    assert ranking("q1", "cld")[0] == 3
    assert Ranking.objects.get(method="cld").scores[0] == 0.0


def test_a_query_that_has_no_vector_is_named_with_the_reason(study):
    rows = line(80)
    rows[5] = np.nan
    study.collection.spaces.filter(name="ehd").delete()
    make_space(study.collection, "ehd", rows)
    job = build(study)
    assert job.state == "failed"
    assert "The query q2 (0005.png) has no vector from the space ehd: damaged." in job.error
    assert not Ranking.objects.exists()


def test_a_damaged_shard_is_named_with_what_to_do(study):
    shard = study.collection.spaces.get(name="ehd").shards.get(start=8)
    damage(shard.file)
    job = build(study)
    assert job.state == "failed"
    assert f"The file {shard.file} differs from its checksum. Run extract_features" in job.error
    assert not PoolEntry.objects.exists()


def test_images_added_after_the_extraction_are_not_passed_over_in_silence(study):
    Image.objects.create(
        collection=study.collection, image_id="new.png", file_name="new.png", ordinal=N
    )
    with pytest.raises(services.SpaceNotReadyError, match="extract_features animals --space cld"):
        build(study)


def test_available_only_leaves_methods_out_and_says_why(study):
    study.methods = ["ehd", "r_max"]
    study.save()
    with pytest.raises(services.SpaceNotReadyError, match="The method r_max needs"):
        build(study)
    job = build(study, available_only=True)
    assert job.params["methods"] == ["ehd"]
    assert [one["method"] for one in job.result["left_out"]] == ["r_max"]
    assert set(Ranking.objects.values_list("method", flat=True)) == {"ehd"}


def test_the_command_builds_and_sums_up(study, capsys):
    call_command("build_pools", "thorax", "--depth", "2")
    out = capsys.readouterr().out
    assert "Pools of thorax: 6 pairs for 2 queries, depth 2." in out
    assert "ehd: 2 rankings, 2 pairs that no other method found" in out


@pytest.mark.parametrize(
    ("change", "arguments", "sentence"),
    [
        pytest.param({}, ["nothing"], "no study 'nothing'", id="unknown study"),
        pytest.param({}, ["thorax", "--depth", "0"], "depth must be at least 1", id="depth 0"),
        pytest.param({}, ["thorax", "--device", "tpu"], "not 'tpu'", id="unknown device"),
        pytest.param({"methods": []}, ["thorax"], "names no methods", id="no methods"),
        pytest.param({"methods": ["nope"]}, ["thorax"], "no method 'nope'", id="unknown method"),
        pytest.param(
            {"methods": ["r_sum"]},
            ["thorax"],
            "needs the feature space r_sum of animals.*Weights not found",
            id="a space that cannot be computed here",
        ),
        pytest.param(
            {"methods": ["r_sum"]},
            ["thorax", "--available"],
            "needs the feature space r_sum",
            id="nothing is available",
        ),
    ],
)
def test_the_command_refuses_with_one_sentence(study, change, arguments, sentence):
    Study.objects.update(**change)
    with pytest.raises(CommandError, match=sentence):
        call_command("build_pools", *arguments)
    assert not PoolEntry.objects.exists()


def test_a_study_without_queries_is_refused():
    make_study()
    with pytest.raises(CommandError, match="thorax has no queries"):
        call_command("build_pools", "thorax")
