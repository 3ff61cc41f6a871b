import io
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Pillow
from rest_framework.test import APIClient

from apps.assessment.models import Assignment, Judgment, Participant, Task
from apps.retrieval.models import PoolEntry
from apps.studies.models import Study
from tests.factories import (
    NOON,
    make_category,
    make_collection,
    make_query,
    make_study,
    make_user,
)

pytestmark = pytest.mark.django_db

DESIGN = {
    "name": "Thorax",
    "collection": "animals",
    "depth": 3,
    "methods": ["cld", "ehd"],
    "seed": 2017,
    "categories": [{"name": "Open Domain", "groups": ["CS"]}],
    "queries": [
        {"id": "q1", "category": "Open Domain", "image": "0000.png"},
        {"id": "q2", "category": "Open Domain", "image": "0002.png"},
    ],
}


@pytest.fixture
def admin():
    client = APIClient()
    client.force_authenticate(make_user("root", role="admin"))
    return client


def test_an_admin_makes_a_study_and_reads_it_back(admin):
    make_collection("animals", n_images=3)
    made = admin.post("/api/v1/studies/", {"design": DESIGN})
    assert made.status_code == 201, made.json()
    study = made.json()
    assert study["slug"] == "thorax"
    assert study["collection"] == "animals"
    assert study["state"] == "draft"
    assert [level["level"] for level in study["scale"]] == [5, 4, 3, 2, 1]
    assert study["aggregations"] == ["1-2345", "12-345", "123-45", "1234-5"]
    assert study["categories"][0]["groups"] == ["CS"]
    assert study["categories"][0]["n_queries"] == study["n_queries"] == 2
    assert (study["n_pairs"], study["n_judgments_planned"], study["n_judged"]) == (0, 0, 0)
    assert [notice["code"] for notice in study["notices"]] == ["category_without_assessors"]
    assert admin.get("/api/v1/studies/thorax/").json() == study
    assert admin.get("/api/v1/studies/").json()["results"] == [study]
    queries = admin.get("/api/v1/studies/thorax/queries/").json()["results"]
    assert [(query["id"], query["image"]["image_id"], query["n_pool"]) for query in queries] == [
        ("q1", "0000.png", 0),
        ("q2", "0002.png", 0),
    ]


def refusal(answer):
    body = answer.json()
    return answer.status_code, body["code"], body.get("field"), body["detail"]


def test_a_bad_design_is_refused_with_its_field(admin):
    make_collection("animals", n_images=3)
    queries = [DESIGN["queries"][0], DESIGN["queries"][1] | {"image": "none.png"}]
    assert refusal(admin.post("/api/v1/studies/", {"design": DESIGN | {"queries": queries}})) == (
        400,
        "invalid_design",
        "queries.1.image",
        "query 'q2': image none.png is not in the collection animals.",
    )
    assert refusal(admin.post("/api/v1/studies/", {"design": DESIGN | {"depth": 0}})) == (
        400,
        "invalid_design",
        "depth",
        "depth must be from 1 to 10000, not 0.",
    )
    assert refusal(admin.post("/api/v1/studies/", [1]))[:3] == (400, "invalid_design", "design")
    unknown = refusal(admin.post("/api/v1/studies/", {"design": DESIGN | {"collection": "x"}}))
    assert unknown[:3] == (404, "unknown_collection", "collection")
    assert admin.get("/api/v1/studies/").json()["count"] == 0


def test_the_toml_of_a_study_makes_another(admin):
    make_collection("animals", n_images=3)
    admin.post("/api/v1/studies/", {"design": DESIGN})
    answer = admin.get("/api/v1/studies/thorax/toml/")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    toml = answer.content.decode().replace('slug = "thorax"', 'slug = "again"')
    made = admin.post("/api/v1/studies/from-toml/", {"toml": toml})
    assert made.status_code == 201, made.json()
    first = admin.get("/api/v1/studies/thorax/").json()
    same = {"created_at", "slug"}
    assert {k: v for k, v in made.json().items() if k not in same} == {
        k: v for k, v in first.items() if k not in same
    }


def test_a_toml_that_is_wrong_is_refused_with_its_line(admin):
    answer = admin.post("/api/v1/studies/from-toml/", {"toml": 'name = "x"\ndepth = \n'})
    assert refusal(answer)[:3] == (400, "invalid_design", "toml")
    assert refusal(answer)[3].startswith("study.toml:2: this is not TOML: ")


def test_a_draft_changes_until_it_opens_then_closes_and_opens_again(admin):
    make_collection("animals", n_images=3)
    admin.post("/api/v1/studies/", {"design": DESIGN})
    changed = admin.put("/api/v1/studies/thorax/design/", {"design": DESIGN | {"depth": 2}})
    assert (changed.status_code, changed.json()["depth"]) == (200, 2)
    assert refusal(admin.post("/api/v1/studies/thorax/close/"))[:2] == (409, "wrong_state")
    Study.objects.update(state="open")
    for path, state in (("close", "closed"), ("reopen", "open")):
        answer = admin.post(f"/api/v1/studies/thorax/{path}/")
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    late = admin.put("/api/v1/studies/thorax/design/", {"design": DESIGN})
    assert refusal(late)[:2] == (409, "not_a_draft")
    assert refusal(admin.delete("/api/v1/studies/thorax/"))[:2] == (409, "not_a_draft")


def test_an_uploaded_image_becomes_a_query(admin):
    make_collection("animals", n_images=3)
    admin.post("/api/v1/studies/", {"design": DESIGN})
    buffer = io.BytesIO()
    Pillow.new("RGB", (32, 24), (200, 10, 7)).save(buffer, "PNG")
    file = SimpleUploadedFile("moon.png", buffer.getvalue(), "image/png")
    body = {"file": file, "id": "q3", "category": "Open Domain"}
    answer = admin.post("/api/v1/studies/thorax/queries/", body, format="multipart")
    assert answer.status_code == 201, answer.json()
    assert (answer.json()["id"], answer.json()["position"]) == ("q3", 2)
    assert answer.json()["image"]["width"] == 32
    no_image = {"file": SimpleUploadedFile("a.png", b"no"), "id": "q4", "category": "Open Domain"}
    refused = admin.post("/api/v1/studies/thorax/queries/", no_image, format="multipart")
    assert (refused.status_code, refused.json()["field"]) == (400, "file")
    by_id = {"image": "0001.png", "id": "q4", "category": "Open Domain"}
    added = admin.post("/api/v1/studies/thorax/queries/", by_id, format="multipart")
    assert (added.status_code, added.json()["image"]["image_id"]) == (201, "0001.png")
    neither = {"id": "q5", "category": "Open Domain"}
    refused = admin.post("/api/v1/studies/thorax/queries/", neither, format="multipart")
    assert refused.json()["detail"] == "file: is needed, or else image."
    assert admin.get("/api/v1/studies/thorax/").json()["n_queries"] == 4


def test_counts_come_from_pools_tasks_and_current_judgments(admin):
    """2 pairs in the pool of q1 and 1 of q2; ada has 3 tasks, bob 2; ada judged one pair twice."""
    collection = make_collection("animals", n_images=4)
    study = make_study("thorax", collection=collection)
    category = make_category(study)
    images = list(collection.images.members())
    entries = []
    for query_id, image, pool in (("q1", images[0], images[1:3]), ("q2", images[3], images[1:2])):
        query = make_query(category, query_id, image)
        entries += [PoolEntry.objects.create(query=query, image=candidate) for candidate in pool]
    for username, own in (("ada", entries), ("bob", entries[:2])):
        user = make_user(username, groups=("CS",))
        participant = Participant.objects.create(study=study, user=user, pseudonym=username)
        for position, query in enumerate(dict.fromkeys(entry.query for entry in own)):
            assignment = Assignment.objects.create(
                participant=participant, query=query, position=position
            )
            for place, entry in enumerate(entry for entry in own if entry.query == query):
                Task.objects.create(assignment=assignment, entry=entry, position=place)
    task = Task.objects.filter(assignment__participant__pseudonym="ada").first()
    said = {"task": task, "participant": task.assignment.participant, "submitted_at": NOON}
    first = Judgment.objects.create(uuid=UUID(int=1), level=3, sequence=1, **said)
    Judgment.objects.create(
        uuid=UUID(int=2), level=4, sequence=2, revision=2, revises=first, **said
    )
    row = admin.get("/api/v1/studies/thorax/").json()
    assert row["n_queries"] == 2
    assert row["n_pairs"] == 3
    assert row["n_judgments_planned"] == 5
    assert row["n_judged"] == 1
    assert row["notices"] == []
    queries = admin.get("/api/v1/studies/thorax/queries/").json()["results"]
    assert [query["n_pool"] for query in queries] == [2, 1]


def test_the_list_of_studies_costs_the_same_however_many_they_are(admin, django_assert_num_queries):
    collection = make_collection("animals", n_images=4)
    for number in range(12):
        study = make_study(f"study-{number:02d}", collection=collection)
        make_query(make_category(study), "q1", collection.images.members()[0])
    with django_assert_num_queries(4):  # count, studies, categories, groups
        assert len(admin.get("/api/v1/studies/").json()["results"]) == 12
