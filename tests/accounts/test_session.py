import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import RequestFactory
from rest_framework.test import APIClient

from apps.accounts import lockout, services
from tests.factories import NOON, make_user

PASSWORD = "a long password"

pytestmark = pytest.mark.django_db


def login(client, username="ada", password=PASSWORD, **more):
    return client.post("/api/v1/auth/login/", {"username": username, "password": password}, **more)


def test_signing_in_says_who_it_is():
    ada = make_user("ada", groups=("ML", "CS"))
    client = APIClient()
    answer = login(client)
    assert answer.status_code == 200
    assert answer.json() == {
        "user": {
            "id": ada.pk,
            "username": "ada",
            "display_name": "",
            "name": "ada",
            "role": "assessor",
            "groups": ["CS", "ML"],
            "is_simulated": False,
            "preferences": {},
        }
    }
    assert client.get("/api/v1/auth/session/").json() == answer.json()


def test_a_visitor_is_nobody_and_gets_a_csrf_cookie():
    answer = APIClient().get("/api/v1/auth/session/")
    assert answer.json() == {"user": None}
    assert settings.CSRF_COOKIE_NAME in answer.cookies


def test_the_session_changes_at_login_and_is_dead_after_logout():
    make_user("ada")
    client = APIClient()
    login(client)
    first = client.cookies[settings.SESSION_COOKIE_NAME].value
    login(client)
    second = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert first != second
    assert not Session.objects.filter(session_key=first).exists()
    assert client.post("/api/v1/auth/logout/").status_code == 204
    thief = APIClient()
    thief.cookies[settings.SESSION_COOKIE_NAME] = second
    assert thief.get("/api/v1/auth/session/").json() == {"user": None}
    assert thief.get("/api/v1/auth/token/").status_code == 401


@pytest.mark.parametrize(
    ("username", "password", "is_active"),
    [
        pytest.param("ada", "another password", True, id="wrong password"),
        pytest.param("nobody", PASSWORD, True, id="unknown user"),
        pytest.param("ada", PASSWORD, False, id="deactivated"),
    ],
)
def test_a_failed_login_does_not_say_what_was_wrong(username, password, is_active):
    ada = make_user("ada")
    ada.is_active = is_active
    ada.save()
    answer = login(APIClient(), username, password)
    assert answer.status_code == 400
    assert answer.json() == {
        "type": "about:blank",
        "status": 400,
        "code": "invalid_credentials",
        "detail": "The user name or the password is wrong.",
    }


@pytest.mark.parametrize("username", ["ada", "nobody"])
def test_an_unknown_user_costs_a_password_hash_too(username, monkeypatch):
    """Equal work means equal time: exactly one hash is computed either way."""
    make_user("ada")
    from django.contrib.auth.hashers import MD5PasswordHasher

    calls = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher, "encode", lambda *given: calls.append(1) or encode(*given)
    )
    login(APIClient(), username, "another password")
    assert len(calls) == 1


def test_the_sixth_wrong_password_locks_the_name_for_this_address_only():
    make_user("ada")
    client = APIClient()
    for _ in range(5):
        assert login(client, password="another password").status_code == 400
    locked = login(client, password="another password")
    assert locked.status_code == 429
    assert locked["Content-Type"] == "application/problem+json"
    assert locked["Retry-After"] == "900"  # 0.25 hours
    assert locked.json()["code"] == "locked_out"
    # The right password does not help the guesser, nor does another address in the header ...
    assert login(client).status_code == 429
    assert login(client, headers={"X-Forwarded-For": "192.0.2.9"}).status_code == 429
    # ... and Ada, at hers, is not locked out.
    assert login(APIClient(REMOTE_ADDR="192.0.2.1")).status_code == 200


def test_an_address_that_tries_many_names_is_locked_out_of_all(settings):
    settings.ADDRESS_FAILURE_LIMIT = 10
    make_user("ada")
    for number in range(10):
        assert login(APIClient(), f"name{number}", "another password").status_code == 400
    locked = login(APIClient())
    assert (locked.status_code, locked.json()["code"]) == (429, "locked_out")
    assert login(APIClient(REMOTE_ADDR="192.0.2.1")).status_code == 200


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        pytest.param(0, "192.0.2.9", "127.0.0.1", id="without a proxy nobody is believed"),
        pytest.param(1, "192.0.2.9", "192.0.2.9", id="our proxy is"),
        pytest.param(1, "10.0.0.1, 192.0.2.9", "192.0.2.9", id="the caller before it is not"),
        pytest.param(1, "", "127.0.0.1", id="a probe that skips the proxy"),
        pytest.param(2, "forged, 192.0.2.9, 10.0.0.1", "192.0.2.9", id="two proxies"),
    ],
)
def test_the_address_is_the_one_our_proxy_saw(proxies, forwarded, address, settings):
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})
    assert lockout.client_address(request) == address


def test_login_and_unsafe_calls_need_a_csrf_token():
    make_user("ada")
    client = APIClient(enforce_csrf_checks=True)
    without = login(client)
    assert without.status_code == 403
    assert without.json()["code"] == "csrf_failed"
    client.get("/api/v1/auth/session/")
    token = {"X-CSRFToken": client.cookies[settings.CSRF_COOKIE_NAME].value}
    assert login(client, headers=token).status_code == 200
    without = client.post("/api/v1/auth/token/")
    assert without.status_code == 403
    assert without.json()["code"] == "csrf_failed"
    token = {"X-CSRFToken": client.cookies[settings.CSRF_COOKIE_NAME].value}
    assert client.post("/api/v1/auth/token/", headers=token).status_code == 201


def test_a_script_signs_in_with_its_token_until_it_is_taken_back():
    ada = make_user("ada")
    client = APIClient()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/api/v1/auth/token/").json() == {"exists": False, "created_at": None}
    key = client.post("/api/v1/auth/token/").json()["key"]
    assert client.get("/api/v1/auth/token/").json()["exists"] is True
    script = APIClient(headers={"Authorization": f"Token {key}"}, enforce_csrf_checks=True)
    assert script.get("/api/v1/auth/session/").json()["user"]["username"] == "ada"
    newer = script.post("/api/v1/auth/token/").json()["key"]
    assert script.get("/api/v1/auth/token/").status_code == 401
    assert newer != key
    assert client.delete("/api/v1/auth/token/").status_code == 204
    script = APIClient(headers={"Authorization": f"Token {newer}"})
    assert script.get("/api/v1/auth/token/").status_code == 401


def test_changing_the_password_ends_the_other_sessions_only():
    make_user("ada")
    here, there = APIClient(), APIClient()
    login(here)
    login(there)
    answer = here.post(
        "/api/v1/auth/password/",
        {"old_password": PASSWORD, "new_password": "quite another thing"},
    )
    assert answer.status_code == 204
    assert here.get("/api/v1/auth/session/").json()["user"]["username"] == "ada"
    assert there.get("/api/v1/auth/session/").json() == {"user": None}
    assert login(APIClient(), password="quite another thing").status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        pytest.param("wrong", "quite another thing", "wrong_password", "old_password", id="wrong"),
        pytest.param(PASSWORD, "short", "weak_password", "new_password", id="too short"),
        pytest.param(PASSWORD, "adalovelace1", "weak_password", "new_password", id="like the name"),
    ],
)
def test_a_password_change_is_refused(old, new, code, field):
    make_user("adalovelace")
    client = APIClient()
    login(client, "adalovelace")
    answer = client.post("/api/v1/auth/password/", {"old_password": old, "new_password": new})
    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)


def test_a_deactivated_person_is_out_at_the_next_call():
    ada = make_user("ada")
    make_user("root", role="admin")
    client = APIClient()
    login(client)
    script = APIClient(headers={"Authorization": f"Token {services.make_token(user=ada, at=NOON)}"})
    assert script.get("/api/v1/auth/token/").status_code == 200
    services.edit_person(person=ada, actor=None, at=NOON, is_active=False)
    assert client.get("/api/v1/auth/token/").status_code == 401
    assert script.get("/api/v1/auth/token/").status_code == 401


def test_people_name_themselves_and_keep_preferences():
    make_user("ada")
    client = APIClient()
    login(client)
    client.patch("/api/v1/auth/session/", {"preferences": {"theme": "dark", "keys": "left"}})
    user = client.patch(
        "/api/v1/auth/session/", {"display_name": "Ada L.", "preferences": {"theme": "light"}}
    ).json()["user"]
    assert user["name"] == "Ada L."
    assert user["preferences"] == {"theme": "light", "keys": "left"}
    # What is not theirs to change is not changed.
    client.patch("/api/v1/auth/session/", {"role": "admin", "is_staff": True, "groups": ["MD"]})
    assert client.get("/api/v1/auth/session/").json()["user"] == user


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param("[" * 100_000, "application/json", 400, id="nested too deep"),
        pytest.param("{", "application/json", 400, id="not JSON"),
        pytest.param("[1]", "application/json", 400, id="not a table"),
        pytest.param(
            '{"username": 1e400, "password": "x"}', "application/json", 400, id="infinity"
        ),
        pytest.param("{}", "text/plain", 415, id="JSON that says it is text"),
    ],
)
def test_a_malformed_body_is_refused(body, content_type, status):
    answer = APIClient().generic("POST", "/api/v1/auth/login/", body, content_type=content_type)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"


def test_a_host_that_is_not_ours_is_refused():
    assert APIClient().get("/api/v1/auth/session/", headers={"Host": "evil"}).status_code == 400
