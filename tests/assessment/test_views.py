import io
import uuid

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import Role
from apps.assessment import services
from apps.assessment.models import Judgment
from apps.assessment.selectors import may_see_image
from apps.common.storage import publish
from apps.studies.models import Study
from tests.factories import NOON, make_study, make_user
from tests.factories.assessment import make_open_study, make_participant, tasks_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def participant():
    return make_open_study()


@pytest.fixture
def tasks(participant):
    return tasks_of(participant)


@pytest.fixture
def client(participant):
    return signed_in(participant.user)


def signed_in(user) -> APIClient:
    client = APIClient()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def put(client, task, number: int = 1, **body):
    address = f"/api/v1/judgments/{uuid.UUID(int=number)}/"
    return client.put(address, {"task_id": str(task.uuid)} | ({"level": 3} | body))


def judge(task, number: int = 1, **answer):
    return services.record_judgment(
        uuid=uuid.UUID(int=number),
        task_id=task.uuid,
        assessor=task.assignment.participant.user,
        submitted_at=NOON,
        **({"level": 3} | answer),
    )


# --- what is mine -------------------------------------------------------------------------------


def test_the_list_shows_own_studies_with_progress_and_pace(client, participant, tasks):
    make_participant(make_study("others"), make_user("bob"))
    judge(tasks[0], 1, active_ms=1000)
    judge(tasks[1], 2, active_ms=4000)
    judge(tasks[1], 3, active_ms=9000, revises=uuid.UUID(int=2))
    assert client.get("/api/v1/assess/").json() == {
        "studies": [
            {
                "slug": "thorax",
                "name": "Thorax",
                "protocol": "graded_pair",
                "state": "open",
                "is_simulated": False,
                "progress": {"done": 2, "total": 6},
                "pace_ms": 4000,  # the median of 1000, 4000, 9000
                "categories": [{"name": "Open Domain", "progress": {"done": 2, "total": 6}}],
            }
        ]
    }


def test_a_study_that_is_not_planned_yet_is_not_shown(client):
    Study.objects.update(state=Study.State.DRAFT)
    assert client.get("/api/v1/assess/").json() == {"studies": []}


def test_open_studies_come_before_closed_ones(client, participant):
    closed = make_study("a-closed-one", name="A", collection=participant.study.collection)
    make_participant(closed, participant.user)
    Study.objects.filter(pk=closed.pk).update(state=Study.State.CLOSED)
    studies = client.get("/api/v1/assess/").json()["studies"]
    assert [study["slug"] for study in studies] == ["thorax", "a-closed-one"]


def test_the_study_explains_its_levels_reasons_and_guidelines(client, participant):
    participant.study.categories.update(
        guidelines="Mind the **ribs**. <script>alert(1)</script>", guideline_version=2
    )
    answer = client.get("/api/v1/assess/thorax/").json()
    assert [level["level"] for level in answer["scale"]] == [5, 4, 3, 2, 1]
    assert answer["scale"][3]["description"] == "Look alike, other content"
    codes = [reason["code"] for reason in answer["unjudgeable_reasons"]]
    assert codes == ["image_missing", "too_small", "multi_panel", "text_only", "other"]
    (category,) = answer["categories"]
    assert category["name"] == "Open Domain"
    assert category["guideline_version"] == 2
    assert "<strong>ribs</strong>" in category["guidelines"]
    assert "<script" not in category["guidelines"]
    assert answer["progress"] == {"done": 0, "total": 6}
    assert (answer["pace_ms"], answer["n_queries"]) == (None, 2)


@pytest.mark.parametrize("route", ["", "tasks/", "history/"])
@pytest.mark.parametrize("role", list(Role))
def test_the_study_of_others_is_answered_like_one_that_is_not_there(participant, route, role):
    client = signed_in(make_user("bob", role=role))
    others = client.get(f"/api/v1/assess/thorax/{route}")
    nobodys = client.get(f"/api/v1/assess/nothing/{route}")
    assert others.status_code == nobodys.status_code == 404
    assert others.json() == nobodys.json()


# --- what is next -------------------------------------------------------------------------------


def test_the_next_tasks_come_in_the_assessors_own_order(client, tasks):
    answer = client.get("/api/v1/assess/thorax/tasks/?limit=4").json()
    assert answer["progress"] == {"done": 0, "total": 6}
    assert answer["state"] == "open"
    assert [task["task_id"] for task in answer["tasks"]] == [str(task.uuid) for task in tasks[:4]]
    image = tasks[3].assignment.query.image
    assert answer["tasks"][3] == {
        "task_id": str(tasks[3].uuid),
        "query": {
            "image_url": image.image_url,
            "thumb_url": image.thumb_url,
            "width": 64,
            "height": 48,
        },
        "candidate": {
            "image_url": tasks[3].entry.image.image_url,
            "thumb_url": tasks[3].entry.image.thumb_url,
            "width": 64,
            "height": 48,
        },
        "category": "Open Domain",
        "query_number": 2,
        "query_count": 2,
        "candidate_number": 1,
        "candidate_count": 3,
    }


def test_asking_twice_gives_the_same_until_one_is_judged(client, tasks):
    first = client.get("/api/v1/assess/thorax/tasks/").json()
    assert client.get("/api/v1/assess/thorax/tasks/").json() == first
    judge(tasks[1])
    after = client.get("/api/v1/assess/thorax/tasks/").json()
    assert after["progress"]["done"] == 1
    assert after["tasks"] == [task for place, task in enumerate(first["tasks"]) if place != 1]


def test_a_revision_does_not_bring_a_task_back(client, tasks):
    judge(tasks[0], 1)
    judge(tasks[0], 2, level=1, revises=uuid.UUID(int=1))
    ids = [task["task_id"] for task in client.get("/api/v1/assess/thorax/tasks/").json()["tasks"]]
    assert ids == [str(task.uuid) for task in tasks[1:]]


def test_when_all_is_judged_there_is_nothing_next(client, tasks):
    for number, task in enumerate(tasks, start=1):
        judge(task, number)
    assert client.get("/api/v1/assess/thorax/tasks/").json() == {
        "state": "open",
        "progress": {"done": 6, "total": 6},
        "tasks": [],
    }


def test_a_closed_study_has_nothing_next_and_says_that_it_is_closed(client):
    Study.objects.update(state=Study.State.CLOSED)
    answer = client.get("/api/v1/assess/thorax/tasks/").json()
    assert (answer["state"], answer["tasks"]) == ("closed", [])


@pytest.mark.parametrize("limit", ["0", "-1", "101", "ten", "1e3"])
def test_a_limit_out_of_bounds_is_refused(client, limit):
    answer = client.get(f"/api/v1/assess/thorax/tasks/?limit={limit}")
    assert answer.status_code == 400
    assert answer.json()["field"] == "limit"


@pytest.mark.parametrize("route", ["", "thorax/", "thorax/tasks/?limit={n}", "thorax/history/"])
def test_the_number_of_queries_does_not_grow_with_what_is_shown(
    client, participant, tasks, route, django_assert_num_queries
):
    judge(tasks[0], 1)
    with django_assert_num_queries(20, exact=False) as few:
        client.get(f"/api/v1/assess/{route.format(n=1)}")
    for number, task in enumerate(tasks[1:4], start=2):
        judge(task, number)
    another = make_open_study("another", user=participant.user)
    judge(tasks_of(another)[0], 50)
    with django_assert_num_queries(len(few)):
        client.get(f"/api/v1/assess/{route.format(n=50)}")


# --- answering ----------------------------------------------------------------------------------


def test_an_answer_is_201_and_the_same_again_200_with_the_same_body(client, tasks):
    first = put(client, tasks[0], level=4, active_ms=1200, note="x")
    again = put(client, tasks[0], level=4, active_ms=1200, note="x")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    body = first.json()
    assert body.pop("submitted_at")
    assert body == {
        "uuid": str(uuid.UUID(int=1)),
        "task_id": str(tasks[0].uuid),
        "level": 4,
        "unjudgeable": "",
        "note": "x",
        "sequence": 1,
        "revision": 1,
        "progress": {"done": 1, "total": 6},
    }


def test_the_same_body_in_another_spelling_is_the_same_body(client, tasks):
    address = f"/api/v1/judgments/{uuid.UUID(int=1)}/"
    task = str(tasks[0].uuid)
    one = f'{{"task_id": "{task}", "level": 4, "client_time": "2026-03-01T13:00:00+01:00"}}'
    other = (
        f'{{"client_time":"2026-03-01T12:00:00Z","level":4,"task_id":"{task.upper()}","note":""}}'
    )
    codes = [
        client.put(address, body, content_type="application/json").status_code
        for body in (one, other)
    ]
    assert codes == [201, 200]


def test_the_client_cannot_set_what_is_not_its_own(client, participant, tasks):
    bob = make_user("bob")
    put(
        client,
        tasks[0],
        submitted_at="2001-01-01T00:00:00Z",
        sequence=77,
        revision=5,
        guideline_version=9,
        participant=bob.pk,
        assessor=bob.pk,
        body_sha256="0",
    )
    stored = Judgment.objects.get()
    assert stored.participant == participant
    assert (stored.sequence, stored.revision, stored.guideline_version) == (1, 1, 1)
    assert stored.submitted_at.year > 2001
    assert stored.body_sha256 != "0"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param('{"level": 0}', "level", id="below the scale"),
        pytest.param('{"level": 6}', "level", id="above the scale"),
        pytest.param('{"level": -1}', "level", id="negative"),
        pytest.param('{"level": 2.5}', "level", id="between two levels"),
        pytest.param('{"level": "3"}', "level", id="a text"),
        pytest.param('{"level": true}', "level", id="true"),
        pytest.param('{"level": null}', "level", id="null"),
        pytest.param('{"level": 1e400}', "level", id="infinite"),
        pytest.param('{"level": [3]}', "level", id="a list"),
        pytest.param("{}", "level", id="nothing"),
        pytest.param('{"level": 3, "unjudgeable": "other"}', "level", id="both"),
        pytest.param('{"unjudgeable": "boring"}', "unjudgeable", id="an unknown reason"),
        pytest.param('{"unjudgeable": true}', "unjudgeable", id="true is no reason"),
        pytest.param('{"level": 3, "active_ms": "1"}', "active_ms", id="a time as text"),
        pytest.param('{"level": 3, "active_ms": true}', "active_ms", id="a time that is true"),
        pytest.param('{"level": 3, "hidden_ms": -1}', "hidden_ms", id="a negative time"),
        pytest.param('{"level": 3, "client_time": "noon"}', "client_time", id="no time"),
        pytest.param(
            '{"level": 3, "client_time": "0001-01-01T00:00:00+14:00"}', "client_time", id="year 0"
        ),
        pytest.param('{"level": 3, "revises": "x"}', "revises", id="no uuid"),
        pytest.param('{"level": 3, "note": {}}', "note", id="a note that is an object"),
        pytest.param('{"level": 3, "note": "\\u0000"}', "note", id="a NUL"),
        pytest.param('{"level": 3, "task_id": "x"}', "task_id", id="no task"),
        pytest.param('{"level": NaN}', None, id="not JSON: NaN"),
        pytest.param("[]", None, id="a list of nothing"),
        pytest.param("{", None, id="cut off"),
    ],
)
def test_bad_input_is_400_with_the_field_at_fault(client, tasks, body, field):
    body = body.replace("{", f'{{"task_id": "{tasks[0].uuid}", ', 1).replace(", }", "}")
    answer = client.put(
        f"/api/v1/judgments/{uuid.UUID(int=1)}/", body, content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json().get("field") == field
    assert answer.json()["detail"]
    assert not Judgment.objects.exists()


@pytest.mark.parametrize(
    ("prepare", "body", "status", "code"),
    [
        pytest.param(None, {"level": 2}, 409, "conflicting_retry", id="same uuid, other body"),
        pytest.param(None, {"number": 2}, 409, "already_judged", id="judged under another uuid"),
        pytest.param("close", {"number": 2, "task": 1}, 409, "study_closed", id="closed study"),
        pytest.param(
            "revise", {"number": 3, "revises": 1, "level": 1}, 409, "stale_revision", id="stale"
        ),
        pytest.param("bob", {"number": 2}, 404, "not_found", id="the task of somebody else"),
    ],
)
def test_refusals_have_a_status_and_a_code(client, participant, tasks, prepare, body, status, code):
    put(client, tasks[0], 1)
    if prepare == "close":
        Study.objects.update(state=Study.State.CLOSED)
    if prepare == "revise":
        put(client, tasks[0], 2, revises=str(uuid.UUID(int=1)))
    if prepare == "bob":
        client = signed_in(make_user("bob"))
    body = dict(body)
    if "revises" in body:
        body["revises"] = str(uuid.UUID(int=body["revises"]))
    answer = put(client, tasks[body.pop("task", 0)], body.pop("number", 1), **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_nobody_judges_without_signing_in(tasks):
    assert put(APIClient(), tasks[0]).status_code in {401, 403}
    assert not Judgment.objects.exists()


def test_submitting_costs_eight_queries_with_the_session(client, tasks, django_assert_num_queries):
    put(client, tasks[0], 1)
    with django_assert_num_queries(8 + 2) as log:  # the test's own transaction adds a savepoint
        assert put(client, tasks[1], 2).status_code == 201
    statements = [query["sql"].split()[0] for query in log.captured_queries]
    assert statements.count("SAVEPOINT") == statements.count("RELEASE") == 1


# --- looking back -------------------------------------------------------------------------------


def test_the_history_has_the_current_answers_newest_first(client, tasks):
    judge(tasks[0], 1, level=1)
    judge(tasks[1], 2, level=None, unjudgeable="too_small")
    judge(tasks[0], 3, level=5, note="on second thought", revises=uuid.UUID(int=1))
    history = client.get("/api/v1/assess/thorax/history/").json()
    assert [(row["uuid"], row["level"], row["unjudgeable"]) for row in history] == [
        (str(uuid.UUID(int=3)), 5, ""),
        (str(uuid.UUID(int=2)), None, "too_small"),
    ]
    assert history[0]["revision"] == 2
    assert history[0]["note"] == "on second thought"
    assert history[0]["task"]["task_id"] == str(tasks[0].uuid)
    assert history[0]["task"]["query_number"] == 1
    only = client.get("/api/v1/assess/thorax/history/?limit=1").json()
    assert only == history[:1]


# --- the monitor --------------------------------------------------------------------------------


def test_the_monitor_shows_who_is_how_far(participant, tasks):
    make_participant(participant.study, make_user("bob"), pseudonym="A02")
    judge(tasks[0], 1, active_ms=1000)
    judge(tasks[1], 2, level=None, unjudgeable="other", active_ms=3000)
    judge(tasks[2], 3, level=None, unjudgeable="other")
    judge(tasks[2], 4, revises=uuid.UUID(int=3))
    admin = signed_in(make_user("root", role=Role.ADMIN))
    assert admin.get("/api/v1/studies/thorax/monitor/").json() == {
        "done": 3,
        "total": 12,
        "categories": [{"name": "Open Domain", "done": 3, "total": 12}],
        "assessors": [
            {
                "name": "ada",
                "username": "ada",
                "pseudonym": "A01",
                "groups": ["CS"],
                "done": 3,
                "total": 6,
                "pace_ms": 2000,
                "last_at": "2026-03-01T12:00:00Z",
                "unjudgeable": 1,
            },
            {
                "name": "bob",
                "username": "bob",
                "pseudonym": "A02",
                "groups": ["CS"],
                "done": 0,
                "total": 6,
                "pace_ms": None,
                "last_at": None,
                "unjudgeable": 0,
            },
        ],
    }


@pytest.mark.parametrize("route", ["monitor", "plan"])
@pytest.mark.parametrize("role", [Role.ASSESSOR, Role.RESEARCHER])
def test_only_an_admin_sees_who_does_what(participant, route, role):
    client = signed_in(make_user("bob", role=role))
    assert client.get(f"/api/v1/studies/thorax/{route}/").status_code == 403
    assert client.get(f"/api/v1/studies/nothing/{route}/").status_code == 403


# --- images -------------------------------------------------------------------------------------


def test_an_assessor_may_see_the_images_of_the_own_assignments_and_no_others(participant, tasks):
    collection = participant.study.collection
    shown = {task.entry.image_id for task in tasks} | {
        task.assignment.query.image_id for task in tasks
    }
    allowed = {
        image.pk for image in collection.images.all() if may_see_image(participant.user, image)
    }
    assert allowed == shown
    assert len(shown) == 5  # two queries, and three candidates that both have
    bob = make_user("bob")
    assert not any(may_see_image(bob, image) for image in collection.images.all())


def test_the_image_call_asks_that_question(client, participant, tasks):
    own, other = tasks[0].entry.image, participant.study.collection.images.get(ordinal=50)
    for image in (own, other):
        publish(image.thumb_name, io.BytesIO(b"webp"))
        image.has_derivatives = True
        image.save()
    assert client.get(own.thumb_url).status_code == 200
    assert client.get(other.thumb_url).status_code == 404
