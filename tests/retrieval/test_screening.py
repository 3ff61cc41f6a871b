"""Screening as a job, its labels, and what it means for rankings and pools."""

import io

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone
from PIL import Image as Pillow
from rest_framework.test import APIClient

from apps.accounts.models import Role
from apps.catalog import services as catalog
from apps.catalog.models import Image, Screening
from apps.common.storage import publish
from apps.jobs.commands import follow
from apps.jobs.models import Job
from apps.retrieval import registry, selectors, services
from apps.retrieval.compute.screening import panels
from apps.retrieval.models import PoolEntry, Ranking, ScreeningModel
from apps.retrieval.services.screening import verdict_of
from tests.factories import NOON, make_category, make_collection, make_query, make_study, make_user
from tests.factories.features import make_space
from tests.retrieval.compute.screening.test_panels import grid_with_gutters, texture

pytestmark = pytest.mark.django_db

N = 24
DRAWN = set(range(0, N, 2))  # even ordinals look like illustrations to the features


def file_of(ordinal: int) -> bytes:
    file = io.BytesIO()
    picture = grid_with_gutters() if ordinal == 23 else texture(64, 48, seed=ordinal)
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def collection():
    """24 images with features that tell even from odd ones; number 23 is a figure of 4 panels."""
    collection = make_collection("animals")
    for ordinal in range(N):
        name = f"originals/animals/{ordinal}"
        Image.objects.create(
            collection=collection,
            image_id=f"{ordinal:04d}.png",
            file_name=f"{ordinal:04d}.png",
            ordinal=ordinal,
            sha256=publish(name, io.BytesIO(file_of(ordinal))),
            original=name,
            width=64,
            height=48,
        )
    rng = np.random.default_rng(1)
    for space in selectors.screening_space_names():
        width = registry.space_of(name=space).dimensions
        rows = rng.normal(0, 1, (N, width)) + 4.0 * (np.arange(N) % 2 == 0)[:, None]
        make_space(collection, space, rows, step=10)
    return collection


def label(collection, **labels: str) -> None:
    by_id = {f"{int(key[1:]):04d}.png": value for key, value in labels.items()}
    catalog.label_images(collection=collection, labels=by_id, labelled_at=timezone.now())


def label_five_of_each(collection) -> None:
    drawn = {f"i{n}": "illustration" for n in range(0, 10, 2)}
    label(collection, **drawn, **{f"i{n}": "keep" for n in range(1, 10, 2)})


def screen(collection, **options) -> Job:
    job = services.request_screening(collection=collection, requested_at=timezone.now(), **options)
    return follow(job=job, stdout=io.StringIO())


def excluded() -> dict[int, str]:
    rows = Image.objects.exclude(excluded="").values_list("ordinal", "excluded")
    return dict(rows)


def test_panels_are_stored_with_their_boxes_and_exclude(collection):
    result = screen(collection).result
    assert (result["looked_at"], result["trained"], result["changed"]) == (N, False, 1)
    assert excluded() == {23: "multipanel"}
    row = Screening.objects.get(image__ordinal=23)
    assert (row.predicted, row.label, len(row.boxes)) == ("multipanel", "", 4)
    assert row.several > 0.5
    assert row.panels_version == panels.VERSION


def test_illustrations_are_learned_from_labels(collection):
    label_five_of_each(collection)
    result = screen(collection).result
    assert (result["trained"], result["labels"]) == (True, 10)
    assert excluded() == dict.fromkeys(DRAWN, "illustration") | {23: "multipanel"}
    model = ScreeningModel.objects.get()
    assert (model.n_illustrations, model.n_kept) == (5, 5)
    assert default_storage.exists(model.file)


def test_a_persons_label_always_wins(collection):
    label_five_of_each(collection)
    label(collection, i12="keep", i11="advertisement", i23="keep")
    screen(collection)
    assert excluded() == dict.fromkeys(DRAWN - {12}, "illustration") | {11: "advertisement"}
    assert Screening.objects.get(image__ordinal=23).predicted == "multipanel"


def test_a_label_taken_back_lets_the_machine_decide_again(collection):
    screen(collection)
    label(collection, i23="keep")
    assert excluded() == {}
    label(collection, i23="")
    assert excluded() == {23: "multipanel"}
    row = Screening.objects.get(image__ordinal=23)
    assert (row.label, row.labelled_at, row.labelled_by) == ("", None, None)


def test_exclusions_from_before_labels_were_kept_stay(collection):
    Image.objects.filter(ordinal=3).update(excluded="multipanel")
    screen(collection)
    assert excluded() == {3: "multipanel", 23: "multipanel"}
    assert Screening.objects.get(image__ordinal=3).label == "multipanel"


def test_screening_again_looks_at_new_images_only(collection):
    screen(collection)
    before = list(Screening.objects.order_by("pk").values())
    again = screen(collection).result
    assert (again["looked_at"], again["changed"]) == (0, 0)
    assert list(Screening.objects.order_by("pk").values()) == before


def test_two_runs_from_the_same_labels_give_the_same_file_and_numbers(collection):
    label_five_of_each(collection)
    screen(collection)
    first = ScreeningModel.objects.get().sha256, list(Screening.objects.values_list("doubt"))
    Screening.objects.update(panels_version="")
    screen(collection)
    assert first == (
        ScreeningModel.objects.get().sha256,
        list(Screening.objects.values_list("doubt")),
    )


def test_an_older_model_is_taken_away(collection):
    label_five_of_each(collection)
    screen(collection)
    old = ScreeningModel.objects.get().file
    label(collection, i12="keep")
    screen(collection, with_panels=False)
    assert ScreeningModel.objects.get().file != old
    assert not default_storage.exists(old)
    label(collection, **{f"i{n}": "" for n in range(10)})
    screen(collection, with_panels=False)
    assert not ScreeningModel.objects.exists()
    assert excluded() == {23: "multipanel"}


def test_an_image_that_cannot_be_read_is_named_and_takes_part(collection):
    image = Image.objects.get(ordinal=5)
    with default_storage.open(image.original, "wb") as file:
        file.write(b"damaged")
    assert screen(collection).result["unreadable"] == 1
    row = Screening.objects.get(image=image)
    assert row.several is None
    assert "differs from its checksum" in row.problem
    assert 5 not in excluded()


def test_without_features_panels_are_found_all_the_same(collection):
    collection.spaces.all().delete()
    label_five_of_each(collection)
    result = screen(collection).result
    assert (result["trained"], result["reason"]) == (False, "Its features are not computed.")
    assert excluded() == dict.fromkeys(range(0, 10, 2), "illustration") | {23: "multipanel"}


def test_the_command_computes_the_features_that_it_needs(collection, tmp_path):
    collection.spaces.all().delete()
    table = tmp_path / "labels.csv"
    rows = [f"{n:04d}.png,{'chart' if n in DRAWN else 'keep'}" for n in range(12)]
    table.write_text("\n".join(["image_id,label", *rows]))
    out = io.StringIO()
    call_command("screen_images", "animals", "--labels", str(table), stdout=out)
    assert "6 images changed: 18 of 24 take part." in out.getvalue()
    assert "Illustrations: learned from 12 labels." in out.getvalue()
    assert selectors.screening_spaces(collection=collection) is not None
    assert set(excluded()) >= {0, 2, 4, 6, 8, 10, 23}


def test_labels_only_stores_labels_and_predicts_nothing(collection, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("image_id,label\n0003.png,chart\n")
    out = io.StringIO()
    call_command("screen_images", "animals", "--labels", str(table), "--labels-only", stdout=out)
    assert excluded() == {3: "chart"}
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("illustration", "several", "predicted", "doubt"),
    [
        pytest.param(None, None, "", 1.0, id="nothing known"),
        pytest.param(0.9, 0.0, "illustration", 0.2, id="drawn"),
        pytest.param(0.9, 0.75, "multipanel", 0.5, id="both: several panels first"),
        pytest.param(0.1, None, "keep", 0.2, id="no panels known"),
        pytest.param(None, 0.5, "multipanel", 1.0, id="on the line"),
        pytest.param(0.4, 0.05, "keep", 0.8, id="the nearer of the two counts"),
    ],
)
def test_verdicts(illustration, several, predicted, doubt):
    verdict = verdict_of(image=1, illustration=illustration, several=several)
    assert (verdict.predicted, pytest.approx(verdict.doubt)) == (predicted, doubt)


# --- rankings and pools ---------------------------------------------------------------------------


def pooled_study(collection, *, state: str = "draft"):
    study = make_study(collection=collection, methods=["cld"], depth=8, state=state)
    for space in ("cld",):
        if not collection.spaces.filter(name=space).exists():
            rng = np.random.default_rng(1)
            rows = rng.normal(0, 1, (N, 16)) + 4.0 * (np.arange(N) % 2 == 0)[:, None]
            make_space(collection, space, rows)
    make_query(make_category(study), "q1", Image.objects.get(ordinal=1))
    return study


def build(study):
    job = services.request_pools(study=study, depth=None, device="cpu", requested_at=timezone.now())
    follow(job=job, stdout=io.StringIO())


def test_what_is_screened_out_enters_no_ranking_and_keeps_its_rows(collection):
    study = pooled_study(collection)
    label_five_of_each(collection)
    screen(collection)
    build(study)
    out = set(Image.objects.exclude(excluded="").values_list("pk", flat=True))
    assert len(out) == 13
    assert not out & {pk for ranking in Ranking.objects.all() for pk in ranking.images}
    assert not PoolEntry.objects.filter(image__in=out).exists()
    assert collection.spaces.get(name="cld").rows == N
    assert selectors.affected_studies(collection=collection) == []


def test_excluding_after_pools_were_built_is_said_and_a_draft_is_pooled_again(collection):
    study = pooled_study(collection)
    build(study)
    someone = PoolEntry.objects.first().image
    catalog.label_images(
        collection=collection, labels={someone.image_id: "illustration"}, labelled_at=NOON
    )
    (affected,) = selectors.affected_studies(collection=collection)
    assert (affected.slug, affected.state, affected.n_pairs) == ("thorax", "draft", 1)
    build(study)
    assert selectors.affected_studies(collection=collection) == []


def test_pairs_of_a_planned_study_stay(collection):
    study = pooled_study(collection)
    build(study)
    type(study).objects.update(state="open")
    someone = PoolEntry.objects.first()
    catalog.label_images(
        collection=collection, labels={someone.image.image_id: "illustration"}, labelled_at=NOON
    )
    assert PoolEntry.objects.filter(pk=someone.pk).exists()
    (affected,) = selectors.affected_studies(collection=collection)
    assert (affected.state, affected.n_pairs) == ("open", 1)


# --- over HTTP ------------------------------------------------------------------------------------

URL = "/api/v1/collections/animals/screening/"


def client(role: str, name: str = "") -> APIClient:
    api = APIClient()
    api.force_login(make_user(name or f"a-{role}", role=role))
    return api


@pytest.mark.parametrize(
    ("role", "read", "write"),
    [
        pytest.param(Role.ASSESSOR, 403, 403, id="assessors see nothing of it"),
        pytest.param(Role.RESEARCHER, 200, 403, id="researchers read"),
        pytest.param(Role.ADMIN, 200, 200, id="admins label"),
    ],
)
def test_who_may_screen(collection, role, read, write):
    api = client(role)
    assert api.get(URL).status_code == read
    assert api.get(f"{URL}images/").status_code == read
    body = {"labels": {"0003.png": "keep"}}
    assert api.post(f"{URL}labels/", body, format="json").status_code == write
    assert api.post(URL).status_code == (202 if write == 200 else 403)


def test_the_state_says_how_far_it_is(collection):
    label_five_of_each(collection)
    screen(collection)
    label(collection, i12="keep")
    state = client(Role.ADMIN).get(URL).data
    assert state["counts"] == {
        "unsure": 13,
        "labelled": 11,
        "disputed": 1,
        "illustration": 11,
        "multipanel": 1,
        "keep": 12,
        "all": 24,
    }
    training = state["training"]
    assert (training["n_illustrations"], training["n_kept"]) == (5, 6)
    assert (training["trained_on"], training["labels_since"], training["possible"]) == (10, 1, True)
    assert state["excluded"] == {"illustration": 11, "multipanel": 1}
    assert (state["spaces_ready"], state["job"], state["affected"]) == (True, None, [])


def test_the_most_doubtful_come_first_and_labelled_ones_leave(collection):
    screen(collection)
    Screening.objects.filter(image__ordinal=7).update(doubt=0.9)
    Screening.objects.filter(image__ordinal=4).update(doubt=0.8)
    admin = client(Role.ADMIN)
    rows = admin.get(f"{URL}images/").data["results"]
    assert [row["image_id"] for row in rows[:2]] == ["0007.png", "0004.png"]
    label(collection, i7="keep")
    rows = admin.get(f"{URL}images/", {"state": "unsure"}).data["results"]
    assert rows[0]["image_id"] == "0004.png"
    (labelled,) = admin.get(f"{URL}images/", {"state": "labelled"}).data["results"]
    assert (labelled["image_id"], labelled["label"]) == ("0007.png", "keep")


def test_images_nobody_looked_at_yet_can_be_labelled(collection):
    rows = client(Role.ADMIN).get(f"{URL}images/").data["results"]
    assert len(rows) == N
    assert {(row["predicted"], row["doubt"]) for row in rows} == {("", None)}


def test_every_tenth_label_starts_learning(collection):
    admin = client(Role.ADMIN)
    jobs = []
    for ordinal in range(12):
        label = "illustration" if ordinal in DRAWN else "keep"
        body = {"labels": {f"{ordinal:04d}.png": label}}
        answer = admin.post(f"{URL}labels/", body, format="json")
        assert answer.status_code == 200
        jobs.append(answer.data["job"])
    assert [job is not None for job in jobs[:10]] == [False] * 9 + [True]
    assert Job.objects.count() == 1  # what is given meanwhile joins the job that runs
    assert not Job.objects.get().parts.filter(stage=0).exists()
    follow(job=Job.objects.get(), stdout=io.StringIO())
    assert admin.get(URL).data["training"]["trained_on"] == 12


def test_labels_start_no_job_that_could_not_learn(collection):
    collection.spaces.all().delete()
    label_five_of_each(collection)
    body = {"labels": {"0011.png": "keep"}}
    answer = client(Role.ADMIN).post(f"{URL}labels/", body, format="json")
    assert (answer.status_code, answer.data["job"]) == (200, None)
    assert client(Role.ADMIN, "another").get(URL).data["spaces_ready"] is False


def test_who_labelled_and_when_is_kept(collection):
    client(Role.ADMIN).post(
        f"{URL}labels/", {"labels": {"0003.png": "illustration"}}, format="json"
    )
    row = Screening.objects.get()
    assert (row.label, row.labelled_by.username) == ("illustration", "a-admin")
    assert row.labelled_at is not None
    assert excluded() == {3: "illustration"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"labels": {"none.png": "keep"}}, "image_ids", id="unknown image"),
        pytest.param({"labels": {}}, "labels", id="no labels"),
        pytest.param({"labels": {"0003.png": "x" * 61}}, "labels.0003.png", id="long label"),
        pytest.param({}, "labels", id="no body"),
    ],
)
def test_bad_labels_are_refused_and_nothing_is_stored(collection, body, field):
    answer = client(Role.ADMIN).post(f"{URL}labels/", body, format="json")
    assert (answer.status_code, answer.data["field"]) == (400, field)
    assert not Screening.objects.exists()


def test_labels_on_the_images_page_are_labels(collection):
    client(Role.ADMIN).patch(
        "/api/v1/collections/animals/images/",
        {"image_ids": ["0003.png"], "excluded": "multipanel"},
        format="json",
    )
    screen(collection)
    assert Screening.objects.get(image__ordinal=3).labelled_by.username == "a-admin"
    assert excluded()[3] == "multipanel"


def test_a_collection_without_images_has_nothing_to_screen():
    make_collection("animals")
    api = client(Role.ADMIN)
    assert api.post(URL).status_code == 409
    assert api.get(URL).data["n_images"] == 0


def test_the_state_costs_the_same_however_many_images(collection, django_assert_max_num_queries):
    screen(collection)
    api = client(Role.ADMIN)
    with django_assert_max_num_queries(20):
        api.get(URL)
    with django_assert_max_num_queries(8):
        api.get(f"{URL}images/")


def test_figures_are_read_from_files_of_any_size(collection):
    image = Image.objects.get(ordinal=2)
    file = io.BytesIO()
    grid_with_gutters().resize((1200, 880), Pillow.Resampling.NEAREST).save(file, "PNG")
    image.sha256 = publish(image.original, io.BytesIO(file.getvalue()))
    image.save()
    screen(collection)
    assert len(Screening.objects.get(image=image).boxes) == 4
