from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts import services
from apps.accounts.models import AuditEvent, ExpertiseGroup, Invitation, User
from apps.accounts.services import people
from apps.assessment.models import Participant
from tests.factories import NOON, make_study, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def root():
    return make_user("root", role="admin")


@pytest.fixture
def admin(root):
    client = APIClient()
    client.force_authenticate(root)
    return client


def test_an_admin_sees_everybody(admin):
    ada = make_user("ada", groups=("MD",))
    Participant.objects.create(study=make_study(), user=ada, pseudonym="A1")
    page = admin.get("/api/v1/people/").json()
    assert page["count"] == 2
    assert page["results"][0] == {
        "id": ada.pk,
        "username": "ada",
        "display_name": "",
        "name": "ada",
        "role": "assessor",
        "groups": ["MD"],
        "is_simulated": False,
        "preferences": {},
        "is_active": True,
        "last_login": None,
        "studies": 1,
    }
    assert admin.get("/api/v1/people/?search=roo").json()["count"] == 1


def test_the_list_of_people_costs_the_same_however_many_they_are(admin, django_assert_num_queries):
    for number in range(20):
        make_user(f"person{number:02d}", groups=("MD", "CS"))
    with django_assert_num_queries(3):  # count, people, their groups
        assert len(admin.get("/api/v1/people/").json()["results"]) == 21


def test_an_admin_makes_an_account_whose_password_is_shown_once(admin):
    services.create_group(name="ML", at=NOON)
    answer = admin.post(
        "/api/v1/people/",
        {"username": "ada", "display_name": "Ada L.", "role": "researcher", "groups": ["ML"]},
    )
    assert answer.status_code == 201
    user, password = answer.json()["user"], answer.json()["password"]
    assert (user["name"], user["role"], user["groups"]) == ("Ada L.", "researcher", ["ML"])
    assert User.objects.get(username="ada").check_password(password)
    assert not any(password in str(event.detail) for event in AuditEvent.objects.all())


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        pytest.param({"username": "ROOT"}, 409, "name_taken", "username", id="taken name"),
        pytest.param({"username": "a b"}, 400, "invalid", "username", id="unfit name"),
        pytest.param({"username": "a\0b"}, 400, "invalid", "username", id="NUL in the name"),
        pytest.param({"username": "x", "role": "god"}, 400, "invalid", "role", id="unknown role"),
        pytest.param(
            {"username": "x", "groups": ["No"]}, 400, "unknown_group", "groups", id="unknown group"
        ),
    ],
)
def test_an_account_is_refused(admin, body, status, code, field):
    answer = admin.post("/api/v1/people/", body)
    assert answer.status_code == status
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)
    assert User.objects.count() == 1


def test_an_admin_changes_role_and_groups(admin, root):
    ada = make_user("ada", groups=("MD",))
    services.create_group(name="CS", at=NOON)
    answer = admin.patch(
        f"/api/v1/people/{ada.pk}/",
        {"role": "admin", "groups": ["CS"], "display_name": "Ada", "is_superuser": True},
    )
    assert answer.status_code == 200
    assert (answer.json()["role"], answer.json()["groups"]) == ("admin", ["CS"])
    ada.refresh_from_db()
    assert (ada.is_staff, ada.is_superuser) == (True, False)
    event = AuditEvent.objects.get(action="user.edit")
    assert (event.actor, event.object) == (root, "user:ada")
    assert event.detail == {"role": "admin", "groups": ["CS"]}


@pytest.mark.parametrize(
    "change", [{"role": "researcher"}, {"is_active": False}], ids=["demoted", "deactivated"]
)
def test_the_last_admin_stays(admin, root, change):
    answer = admin.patch(f"/api/v1/people/{root.pk}/", change)
    assert answer.status_code == 409
    assert answer.json()["code"] == "last_admin"
    root.refresh_from_db()
    assert (root.role, root.is_active) == ("admin", True)
    make_user("second", role="admin")
    assert admin.patch(f"/api/v1/people/{root.pk}/", change).status_code == 200


def test_a_deactivated_admin_does_not_count_as_one(admin, root):
    second = make_user("second", role="admin")
    second.is_active = False
    second.save()
    assert admin.patch(f"/api/v1/people/{root.pk}/", {"role": "assessor"}).status_code == 409


def test_groups_are_made_and_counted(admin):
    make_user("ada", groups=("MD",))
    gone = make_user("gone", groups=("MD",))
    gone.is_active = False
    gone.save()
    made = admin.post("/api/v1/groups/", {"name": " ML ", "description": "Librarians"})
    assert made.status_code == 201
    assert [
        (group["name"], group["description"], group["members"])
        for group in admin.get("/api/v1/groups/").json()
    ] == [("MD", "", 1), ("ML", "Librarians", 0)]
    twice = admin.post("/api/v1/groups/", {"name": "ml"})
    assert (twice.status_code, twice.json()["code"]) == (409, "name_taken")
    assert admin.post("/api/v1/groups/", {"name": "a;b"}).status_code == 400


def invite(admin, **body):
    services.ensure_groups(names=["MD"], at=NOON)
    return admin.post("/api/v1/invitations/", {"groups": ["MD"], "note": "for Ada"} | body)


def test_an_invitation_makes_one_account_and_signs_in(admin):
    made = invite(admin, role="researcher")
    assert made.status_code == 201
    url = made.json()["url"]
    assert url.startswith("http://testserver/invite/")
    token = url.rsplit("/", 1)[1]
    assert not Invitation.objects.filter(token_sha256=token).exists()
    (listed,) = admin.get("/api/v1/invitations/").json()
    assert "url" not in listed
    assert (listed["note"], listed["accepted_by"]) == ("for Ada", None)

    guest = APIClient()
    path = f"/api/v1/invitations/accept/{token}/"
    shown = guest.get(path).json()
    assert (shown["role"], shown["groups"]) == ("researcher", ["MD"])
    body = {"username": "ada", "display_name": "Ada", "password": "short"}
    assert guest.post(path, body).json()["code"] == "weak_password"
    answer = guest.post(path, body | {"password": "quite a long one", "role": "admin"})
    assert answer.status_code == 201
    assert answer.json()["user"]["role"] == "researcher"
    assert answer.json()["user"]["groups"] == ["MD"]
    assert guest.get("/api/v1/auth/session/").json() == answer.json()

    again = APIClient().post(path, {"username": "eve", "password": "quite a long one"})
    assert (again.status_code, again.json()["code"]) == (404, "unknown_invitation")
    assert not User.objects.filter(username="eve").exists()
    (listed,) = admin.get("/api/v1/invitations/").json()
    assert listed["accepted_by"] == "ada"
    used = admin.delete(f"/api/v1/invitations/{listed['id']}/")
    assert (used.status_code, used.json()["code"]) == (409, "invitation_used")


def test_used_expired_withdrawn_and_unknown_links_look_the_same(admin):
    answers = []
    for fate in ("expired", "withdrawn", "unknown"):
        made = invite(admin).json()
        token = made["url"].rsplit("/", 1)[1]
        if fate == "expired":
            Invitation.objects.filter(pk=made["id"]).update(expires_at=timezone.now())
        elif fate == "withdrawn":
            assert admin.delete(f"/api/v1/invitations/{made['id']}/").status_code == 204
        else:
            token = "x" * len(token)
        answer = APIClient().get(f"/api/v1/invitations/accept/{token}/")
        answers.append((answer.status_code, answer.json()))
    assert answers[0][0] == 404
    assert answers[0] == answers[1] == answers[2]


def test_an_invitation_lasts_a_fortnight(root):
    invitation = services.invite(
        role="assessor", groups=[], note="", invited_by=root, at=NOON, token="secret"
    )
    assert invitation.expires_at == NOON + timedelta(days=14)


def test_accepting_an_invitation_needs_a_csrf_token(admin):
    token = invite(admin).json()["url"].rsplit("/", 1)[1]
    guest = APIClient(enforce_csrf_checks=True)
    path = f"/api/v1/invitations/accept/{token}/"
    body = {"username": "ada", "password": "quite a long one"}
    assert guest.post(path, body).status_code == 403
    guest.get(path)
    header = {"X-CSRFToken": guest.cookies[settings.CSRF_COOKIE_NAME].value}
    assert guest.post(path, body, headers=header).status_code == 201


def test_nobody_registers_without_an_invitation():
    """No open route makes an account: the only one that a stranger reaches needs a token."""
    body = {"username": "eve", "password": "quite a long one"}
    assert APIClient().post("/api/v1/people/", body).status_code == 401
    assert APIClient().post("/api/v1/invitations/accept/guess/", body).status_code == 404
    assert not User.objects.exists()
    assert not ExpertiseGroup.objects.exists()


def test_two_people_who_take_a_name_in_the_same_moment(monkeypatch):
    """The check sees nobody, the constraint sees the other: a refusal, not a 500."""
    make_user("ada")
    monkeypatch.setattr(people, "checked_username", lambda username: username)
    with pytest.raises(services.NameTakenError, match=r"The user name ada is taken\."):
        services.create_user(username="ada", password="quite a long one", created_at=NOON)
