import numpy as np
import pytest
from rest_framework.test import APIClient

from apps.accounts.models import Role
from apps.catalog.models import Image
from apps.retrieval import registry
from apps.retrieval.fusions import fusion_kinds
from tests.factories import make_category, make_collection, make_query, make_study, make_user
from tests.factories.features import make_pictured_collection, make_space

pytestmark = pytest.mark.django_db


def client(role: str) -> APIClient:
    api = APIClient()
    api.force_login(make_user(f"a-{role}", role=role))
    return api


@pytest.fixture
def admin() -> APIClient:
    return client(Role.ADMIN)


@pytest.fixture(autouse=True)
def _no_weights(settings, no_hub):
    settings.WEIGHTS = ""


def test_methods_are_those_of_the_registry(admin):
    rows = admin.get("/api/v1/methods/").data
    assert [row["name"] for row in rows] == [method.name for method in registry.methods()]
    assert rows[0] == {
        "name": "r_full",
        "title": "ResNet full",
        "space": "r_full",
        "search": "exact Euclidean",
        "description": registry.method_of(name="r_full").description,
        "dimensions": 25_088,
    }


def test_fusions_say_what_they_do(admin):
    rows = admin.get("/api/v1/fusions/").data
    assert [row["name"] for row in rows] == [kind.name for kind in fusion_kinds()]
    assert rows[0]["title"] == "Reciprocal rank fusion"
    assert all(row["description"] for row in rows)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("get", "/api/v1/methods/", id="methods"),
        pytest.param("get", "/api/v1/fusions/", id="fusions"),
        pytest.param("get", "/api/v1/collections/animals/spaces/", id="spaces"),
        pytest.param("get", "/api/v1/studies/thorax/pools/", id="pools"),
        pytest.param("post", "/api/v1/collections/animals/spaces/", id="extraction"),
        pytest.param("post", "/api/v1/studies/thorax/pools/", id="pooling"),
    ],
)
def test_an_assessor_is_told_nothing_of_methods(method, path):
    make_study()
    assert getattr(client(Role.ASSESSOR), method)(path).status_code == 403


@pytest.mark.parametrize(
    "path",
    ["/api/v1/collections/animals/spaces/", "/api/v1/studies/thorax/pools/"],
)
def test_a_researcher_reads_but_starts_nothing(path):
    make_study()
    researcher = client(Role.RESEARCHER)
    assert researcher.get(path).status_code == 200
    assert researcher.post(path, {}).status_code == 403


def test_spaces_say_how_they_stand_and_what_to_do(admin):
    collection = make_collection(n_images=6)
    rows = np.zeros((6, 16))
    rows[4] = np.nan
    make_space(collection, "cld", rows)
    make_space(collection, "ehd", np.zeros((4, 80)))
    found = {row["name"]: row for row in admin.get("/api/v1/collections/animals/spaces/").data}

    assert list(found) == [space.name for space in registry.spaces()]
    assert found["cld"] == {
        "name": "cld",
        "title": "Colour layout",
        "dimensions": 16,
        "state": "ready",
        "reason": "1 of 6 images could not be read.",
        "how": "",
        "rows": 6,
        "total": 6,
        "bytes": 6 * 16 * 4,
        "job": None,
    }
    assert (found["ehd"]["state"], found["ehd"]["reason"]) == ("partial", "4 of 6 images.")
    assert found["ehd"]["how"] == "Run manage.py extract_features animals --space ehd."
    assert (found["r_max"]["state"], found["r_max"]["reason"]) == (
        "unavailable",
        "Weights not found",
    )
    assert "LIKENESS_WEIGHTS" in found["r_max"]["how"]


def test_the_number_of_queries_for_spaces_is_constant(admin, django_assert_num_queries):
    collection = make_collection(n_images=8)
    make_space(collection, "cld", np.zeros((8, 16)), step=1)
    make_space(collection, "ehd", np.zeros((8, 80)), step=1)
    # session, user, collection, last ordinal, spaces, shards, job
    with django_assert_num_queries(7):
        admin.get("/api/v1/collections/animals/spaces/")


def test_extraction_starts_as_a_job_that_the_spaces_show(admin):
    make_pictured_collection("animals", n_images=3)
    body = {"spaces": ["cld", "ehd"], "device": "cpu"}
    answer = admin.post("/api/v1/collections/animals/spaces/", body)
    assert answer.status_code == 202
    job = answer.data["job"]
    assert (job["kind"], job["target"]) == ("extract_features", "collection:animals")
    assert (job["done"], job["total"], job["unit"]) == (0, 3, "images")
    states = {row["name"]: row for row in admin.get("/api/v1/collections/animals/spaces/").data}
    assert states["cld"]["job"]["id"] == job["id"]
    assert states["r_max"]["job"] is None


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        pytest.param({"spaces": ["nope"]}, 400, "unknown_space", "'nope'", id="unknown space"),
        pytest.param({"device": "tpu"}, 400, "invalid", "device", id="unknown device"),
        pytest.param(
            {"spaces": ["r_max"]}, 409, "weights_not_found", "LIKENESS_WEIGHTS", id="no weights"
        ),
    ],
)
def test_extraction_is_refused_with_a_sentence(admin, body, status, code, words):
    make_pictured_collection("animals", n_images=2)
    answer = admin.post("/api/v1/collections/animals/spaces/", body)
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert words in answer.data["detail"]


def test_extraction_of_an_empty_collection_is_refused(admin):
    make_collection()
    answer = admin.post("/api/v1/collections/animals/spaces/", {})
    assert (answer.status_code, answer.data["code"]) == (409, "no_images")


def test_pools_before_they_are_built(admin):
    study = make_study(collection=make_collection(n_images=3))
    make_query(make_category(study), "q1", Image.objects.get(ordinal=0))
    assert admin.get("/api/v1/studies/thorax/pools/").data == {
        "depth": 3,
        "n_queries": 1,
        "n_pairs": 0,
        "by_query": [
            {"id": "q1", "category": "Open Domain", "n_pairs": 0, "by_method": {"cld": 0, "ehd": 0}}
        ],
        "unique": {"cld": 0, "ehd": 0},
        "rankings": {"cld": 0, "ehd": 0},
    }


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"depth": 0}, 400, "bad_depth", id="depth 0"),
        pytest.param({"depth": "deep"}, 400, "invalid", id="no number"),
        pytest.param({}, 409, "space_not_ready", id="a space is missing"),
    ],
)
def test_pooling_is_refused_with_a_sentence(admin, body, status, code):
    study = make_study(collection=make_collection(n_images=3))
    make_query(make_category(study), "q1", Image.objects.get(ordinal=0))
    answer = admin.post("/api/v1/studies/thorax/pools/", body)
    assert (answer.status_code, answer.data["code"]) == (status, code)


def test_pooling_starts_as_a_job(admin):
    collection = make_collection(n_images=3)
    study = make_study(collection=collection)
    make_query(make_category(study), "q1", Image.objects.get(ordinal=0))
    make_space(collection, "cld", np.zeros((3, 16)))
    make_space(collection, "ehd", np.zeros((3, 80)))
    answer = admin.post("/api/v1/studies/thorax/pools/", {"depth": 2})
    assert answer.status_code == 202
    assert answer.data["job"]["target"] == "study:thorax"
