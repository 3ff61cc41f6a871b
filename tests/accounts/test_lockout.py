import threading
import time

import pytest
from django.db import connection
from rest_framework.test import APIClient

from apps.accounts import lockout

# Real transactions: on PostgreSQL the threads have connections of their own.
pytestmark = pytest.mark.django_db(transaction=True)


def run_together(*functions):
    failures = []

    def run(function):
        try:
            function()
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert not failures
    assert not any(thread.is_alive() for thread in threads)


def test_guesses_for_a_name_from_an_address_take_turns():
    inside, most = [], []

    def guess():
        with lockout.one_guess_at_a_time(username="ada", address="192.0.2.1"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    run_together(*[guess] * 8)
    assert most == [1] * 8


def test_others_do_not_wait():
    """Both are inside at once, or the barrier breaks after its timeout."""
    barrier = threading.Barrier(2, timeout=10)

    def guess(username):
        with lockout.one_guess_at_a_time(username=username, address="192.0.2.1"):
            barrier.wait()

    run_together(lambda: guess("ada"), lambda: guess("bob"))


def test_signing_in_takes_its_turn(monkeypatch):
    turns = []
    take_turn = lockout.one_guess_at_a_time

    def noted(**whose):
        turns.append(whose)
        return take_turn(**whose)

    monkeypatch.setattr(lockout, "one_guess_at_a_time", noted)
    body = {"username": "ada", "password": "another password"}
    assert APIClient().post("/api/v1/auth/login/", body).status_code == 400
    assert turns == [{"username": "ada", "address": "127.0.0.1"}]
