"""Fusions in pools, by hand: on a line, `ehd` and `cld` find the nearest numbers."""

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from apps.catalog.models import Image
from apps.jobs.models import Job
from apps.jobs.services import work_on_job
from apps.retrieval import selectors, services
from apps.retrieval.models import PoolEntry, PoolSource, Ranking
from apps.studies.models import Study
from tests.factories import NOON, make_category, make_collection, make_query, make_study
from tests.factories.features import make_space

pytestmark = pytest.mark.django_db

N = 12


@pytest.fixture(autouse=True)
def _small_parts(settings, no_hub):
    settings.SHARD_ROWS = 4
    settings.SEARCH_SHARDS_PER_PART = 1
    settings.WEIGHTS = ""


def line(columns: int, values) -> np.ndarray:
    rows = np.zeros((N, columns))
    rows[:, 0] = list(values)
    return rows


@pytest.fixture
def study() -> Study:
    collection = make_collection(n_images=N)
    study = make_study(
        collection=collection, depth=3, ranking_depth=6, methods=["ehd", "rrf(ehd+cld)"]
    )
    make_query(make_category(study), "q1", Image.objects.get(ordinal=0))
    make_space(collection, "ehd", line(80, range(N)))
    make_space(collection, "cld", line(16, [0, *range(N - 1, 0, -1)]))
    return study


def build(study: Study, **options) -> Job:
    asked = {"depth": None, "device": "cpu", "requested_at": NOON} | options
    return work_on_job(job=services.request_pools(study=study, **asked), worker="test")


def ranking(method: str) -> list[int]:
    """Ordinals, best first."""
    ordinal = dict(Image.objects.values_list("pk", "ordinal"))
    return [ordinal[image] for image in Ranking.objects.get(method=method).images]


def ledger() -> set[tuple[int, str, int, float]]:
    return set(PoolSource.objects.values_list("entry__image__ordinal", "method", "rank", "score"))


def test_a_fusion_ranks_and_pools_like_any_other_method(study):
    """Ehd finds 1 .. 6, cld 11 .. 6: both list 6 (2/66); 1 and 11 tie at 1/61, and so on."""
    job = build(study)
    assert (job.state, job.error) == ("done", "")
    assert ranking("ehd") == [1, 2, 3, 4, 5, 6]
    assert ranking("rrf(ehd+cld)") == [6, 1, 11, 2, 10, 3]
    stored = Ranking.objects.get(method="rrf(ehd+cld)")
    assert stored.scores == pytest.approx([2 / 66, 1 / 61, 1 / 61, 1 / 62, 1 / 62, 1 / 63])
    assert stored.version == "rrf.1(ehd=global.1+cld=global.1)"
    pool = set(PoolEntry.objects.values_list("image__ordinal", flat=True))
    assert pool == {1, 2, 3} | {6, 1, 11}
    summary = selectors.pool_summary(study=study)
    assert summary.unique == {"ehd": 2, "rrf(ehd+cld)": 2}
    assert summary.rankings == {"ehd": 1, "rrf(ehd+cld)": 1}


def test_a_member_that_is_no_method_of_the_study_stays_out_of_the_pool(study):
    job = build(study)
    assert job.params["searched"] == ["ehd", "cld"]
    assert set(Ranking.objects.values_list("method", flat=True)) == {"ehd", "rrf(ehd+cld)"}
    assert not PoolSource.objects.filter(method="cld").exists()


def test_every_kind_can_be_pooled(study):
    kinds = ["rrf", "combsum_z", "combsum_minmax", "combmnz_z", "combmnz_minmax"]
    study.methods = [f"{kind}(cld+ehd)" for kind in kinds]
    study.save()
    assert build(study).state == "done"
    # Distances grow by the rank in both, so that 1 and 11, 2 and 10, ... are worth the same, but
    # for the roots in the distances of cld; 6, the last of both, has the least.
    for kind in kinds[1:]:
        found = ranking(f"{kind}(cld+ehd)")
        assert [set(found[:2]), set(found[2:4]), set(found[4:])] == [{1, 11}, {2, 10}, {3, 9}]
    assert Ranking.objects.count() == 5


@pytest.mark.parametrize("gone", ["ehd", "cld", "rrf(ehd+cld)"])
def test_pools_without_a_method_are_the_pools_with_its_entries_removed(study, gone):
    study.methods = ["ehd", "cld", "rrf(ehd+cld)"]
    study.save()
    build(study)
    expected = {row for row in ledger() if row[1] != gone}
    study.methods = [name for name in study.methods if name != gone]
    study.save()
    build(study)
    assert ledger() == expected
    pool = set(PoolEntry.objects.values_list("image__ordinal", flat=True))
    assert pool == {ordinal for ordinal, *_ in expected}


def test_a_fusion_whose_member_cannot_be_searched_is_refused_or_left_out(study):
    study.methods = ["ehd", "rrf(ehd+r_max)"]
    study.save()
    with pytest.raises(services.SpaceNotReadyError, match=r"For the fusion rrf.*The method r_max"):
        build(study)
    job = build(study, available_only=True)
    assert job.params["methods"] == ["ehd"]
    assert [one["method"] for one in job.result["left_out"]] == ["rrf(ehd+r_max)"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("rrf(ehd+nothing)", "neither a method here nor a run", id="unknown member"),
        pytest.param("max(ehd+cld)", "is of no known kind", id="unknown kind"),
    ],
)
def test_the_command_refuses_a_fusion_with_one_sentence(study, name, sentence):
    Study.objects.update(methods=[name])
    with pytest.raises(CommandError, match=sentence):
        call_command("build_pools", "thorax")


def test_methods_that_change_during_the_search_are_not_pooled_in_silence(study):
    job = services.request_pools(study=study, depth=None, device="cpu", requested_at=NOON)
    Study.objects.update(methods=["ehd", "cld"])
    job = work_on_job(job=job, worker="test")
    assert (job.state, "methods of thorax have changed" in job.error) == ("failed", True)
    assert not PoolEntry.objects.exists()
