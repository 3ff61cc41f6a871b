import pytest
from django.contrib import admin
from django.test import Client

from apps.accounts import services
from tests.factories import NOON, make_user

pytestmark = pytest.mark.django_db

BACKEND = "django.contrib.auth.backends.ModelBackend"
OURS = sorted(
    (model._meta.app_label, model._meta.model_name)
    for model in admin.site._registry
    if type(admin.site._registry[model]).__module__.startswith("apps.")
)


def signed_in(role):
    user = services.create_user(
        username="caller", password="quite a long one", role=role, created_at=NOON
    )
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


@pytest.mark.parametrize("role", ["assessor", "researcher"])
def test_only_admins_look_into_the_admin_site(role):
    answer = signed_in(role).get("/admin/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(("app", "model"), OURS)
def test_admins_may_look_and_nothing_else(app, model):
    client = signed_in("admin")
    assert client.get(f"/admin/{app}/{model}/").status_code == 200
    assert client.get(f"/admin/{app}/{model}/add/").status_code == 403
    assert client.post(f"/admin/{app}/{model}/add/", {}).status_code == 403


def test_a_row_can_be_read_but_neither_changed_nor_deleted():
    client = signed_in("admin")
    event = services.record_event(actor=None, action="test", object="x", at=NOON)
    path = f"/admin/accounts/auditevent/{event.pk}/"
    page = client.get(f"{path}change/")
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert client.post(f"{path}change/", {"action": "forged"}).status_code == 403
    assert client.post(f"{path}delete/", {"post": "yes"}).status_code == 403


def test_the_password_hash_is_not_shown():
    ada = make_user("ada")
    page = signed_in("admin").get(f"/admin/accounts/user/{ada.pk}/change/")
    assert page.status_code == 200
    assert ada.password.encode() not in page.content


def test_guessing_at_the_admin_sites_door_is_locked_out_too():
    make_user("ada")
    client = Client()
    form = {"username": "ada", "password": "another password"}
    for _ in range(5):
        assert client.post("/admin/login/", form).status_code == 200
    assert client.post("/admin/login/", form).status_code == 429
