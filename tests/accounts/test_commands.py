import io
import re

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from apps.accounts.models import ExpertiseGroup, User
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_create_user_makes_up_a_password_and_shows_it_once(capsys):
    call_command("create_user", "ada", "--role", "admin", "--group", "MD", "--group", "CS")
    out = capsys.readouterr().out
    password = re.search(r"Password, shown only now: (\S+)\n$", out)[1]
    ada = User.objects.get(username="ada")
    assert ada.check_password(password)
    assert (ada.role, ada.is_staff) == ("admin", True)
    assert [group.name for group in ada.groups_of_expertise.all()] == ["CS", "MD"]
    assert out.startswith("Group CS made.\nGroup MD made.\nUser ada made (admin).\n")


def test_create_user_reads_a_password_without_showing_it(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("quite a long one\n"))
    call_command("create_user", "ada", "--password-stdin")
    assert User.objects.get(username="ada").check_password("quite a long one")
    assert capsys.readouterr().out == "User ada made (assessor).\n"


@pytest.mark.parametrize(
    ("username", "typed", "sentence"),
    [
        pytest.param("ada", "quite a long one\n", "The user name ada is taken.", id="taken"),
        pytest.param("eve", "short\n", "This password is too short", id="short password"),
        pytest.param("eve", "", "standard input held no password.", id="nothing typed"),
        pytest.param("a b", "quite a long one\n", "valid username", id="unfit name"),
    ],
)
def test_create_user_refuses_and_leaves_nothing(username, typed, sentence, monkeypatch):
    make_user("ada")
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(CommandError, match=sentence):
        call_command("create_user", username, "--group", "New", "--password-stdin")
    assert User.objects.count() == 1
    assert not ExpertiseGroup.objects.exists()


def test_create_token_prints_a_key_that_works(capsys):
    make_user("ada")
    call_command("create_token", "ada")
    key = capsys.readouterr().out.strip()
    script = APIClient(headers={"Authorization": f"Token {key}"})
    assert script.get("/api/v1/auth/session/").json()["user"]["username"] == "ada"


@pytest.mark.parametrize(
    ("username", "sentence"),
    [
        pytest.param("nobody", r"There is no user named nobody\.", id="unknown"),
        pytest.param("gone", r"The account gone is deactivated\.", id="deactivated"),
    ],
)
def test_create_token_refuses(username, sentence):
    gone = make_user("gone")
    gone.is_active = False
    gone.save()
    with pytest.raises(CommandError, match=sentence):
        call_command("create_token", username)
