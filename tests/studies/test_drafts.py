"""A design that is still being made in the browser is kept as it is."""

import pytest
from rest_framework.test import APIClient

from tests.factories import make_collection, make_user

pytestmark = pytest.mark.django_db

EMPTY = {"name": "Thorax", "collection": "animals", "categories": [], "queries": []}


@pytest.fixture
def admin():
    make_collection("animals", n_images=3)
    client = APIClient()
    client.force_authenticate(make_user("root", role="admin"))
    return client


def test_a_draft_begins_with_nothing_but_a_name(admin):
    made = admin.post("/api/v1/studies/", {"design": EMPTY, "draft": True})
    assert made.status_code == 201, made.json()
    assert (made.json()["categories"], made.json()["n_queries"]) == ([], 0)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            {"categories": [{"name": "Open", "groups": []}]}, id="a category without group or query"
        ),
        pytest.param(
            {"categories": [{"name": "Open"}, {"name": "Expert", "groups": ["MD"]}]},
            id="two categories without queries",
        ),
    ],
)
def test_a_draft_grows_step_by_step(admin, change):
    admin.post("/api/v1/studies/", {"design": EMPTY, "draft": True})
    saved = admin.put("/api/v1/studies/thorax/design/", {"design": EMPTY | change, "draft": True})
    assert saved.status_code == 200, saved.json()
    names = [category["name"] for category in saved.json()["categories"]]
    assert names == [category["name"] for category in change["categories"]]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"design": EMPTY}, id="not said to be a draft"),
        pytest.param({"design": EMPTY, "draft": "yes"}, id="not true itself"),
    ],
)
def test_a_whole_design_needs_categories(admin, body):
    refused = admin.post("/api/v1/studies/", body)
    assert refused.status_code == 400
    assert refused.json()["code"] == "invalid_design"
    assert "at least one category" in refused.json()["detail"]


def test_a_draft_still_refuses_what_is_wrong(admin):
    wrong = EMPTY | {"categories": [{"name": "All", "groups": []}]}
    refused = admin.post("/api/v1/studies/", {"design": wrong, "draft": True})
    assert (refused.status_code, refused.json()["field"]) == (400, "categories.0.name")
