"""Who may call what: every route and method of the rooms accounts and studies, for every role."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts import services as accounts
from apps.accounts.urls import urlpatterns as account_routes
from apps.studies.urls import urlpatterns as study_routes
from tests.factories import make_category, make_collection, make_query, make_study, make_user

pytestmark = pytest.mark.django_db

ROLES = ["anonymous", "assessor", "researcher", "admin"]
# What each role gets. 401: sign in first; 403: not for this role; the rest got as far as the
# rules of the call itself, with an empty body: 400 and 409 are refusals of content and state.
EVERYBODY = [200, 200, 200, 200]
TABLE = {
    ("session", "GET"): EVERYBODY,
    ("session", "PATCH"): [401, 200, 200, 200],
    ("login", "POST"): [400, 400, 400, 400],
    ("logout", "POST"): [401, 204, 204, 204],
    ("password", "POST"): [401, 400, 400, 400],
    ("token", "GET"): [401, 200, 200, 200],
    ("token", "POST"): [401, 201, 201, 201],
    ("token", "DELETE"): [401, 204, 204, 204],
    ("people", "GET"): [401, 403, 403, 200],
    ("people", "POST"): [401, 403, 403, 400],
    ("person", "PATCH"): [401, 403, 403, 200],
    ("groups", "GET"): [401, 403, 403, 200],
    ("groups", "POST"): [401, 403, 403, 400],
    ("invitations", "GET"): [401, 403, 403, 200],
    ("invitations", "POST"): [401, 403, 403, 201],
    ("invitation", "DELETE"): [401, 403, 403, 204],
    ("accept-invitation", "GET"): EVERYBODY,
    ("accept-invitation", "POST"): [400, 400, 400, 400],
    ("studies", "GET"): [401, 403, 200, 200],
    ("studies", "POST"): [401, 403, 403, 400],
    ("study-from-toml", "POST"): [401, 403, 403, 400],
    ("study", "GET"): [401, 403, 200, 200],
    ("study", "DELETE"): [401, 403, 403, 204],
    ("study-design", "PUT"): [401, 403, 403, 400],
    ("study-queries", "GET"): [401, 403, 200, 200],
    ("study-queries", "POST"): [401, 403, 403, 400],
    ("study-toml", "GET"): [401, 403, 200, 200],
    ("study-close", "POST"): [401, 403, 403, 409],
    ("study-reopen", "POST"): [401, 403, 403, 409],
}
CASES = [
    pytest.param(route, method, role, status, id=f"{role} {method} {route} gets {status}")
    for (route, method), statuses in TABLE.items()
    for role, status in zip(ROLES, statuses, strict=True)
]


@pytest.fixture
def paths():
    """A path for every route, to things that exist."""
    root = make_user("root", role="admin")
    invitation = accounts.invite(
        role="assessor", groups=[], note="", invited_by=root, at=timezone.now(), token="secret"
    )
    collection = make_collection(n_images=1)
    category = make_category(make_study("thorax", collection=collection))
    make_query(category, "q1", collection.images.get())
    person = make_user("somebody")
    filled = {"<int:pk>": str(person.pk), "<str:token>": "secret", "<slug:slug>": "thorax"}
    routes = {}
    for pattern in [*account_routes, *study_routes]:
        path = str(pattern.pattern)
        if pattern.name == "invitation":
            path = path.replace("<int:pk>", str(invitation.pk))
        for placeholder, value in filled.items():
            path = path.replace(placeholder, value)
        routes[pattern.name] = f"/api/v1/{path}"
    return routes


@pytest.mark.parametrize(("route", "method", "role", "status"), CASES)
def test_a_role_gets_what_the_table_says(paths, route, method, role, status):
    client = APIClient()
    if role != "anonymous":
        client.force_login(
            make_user("caller", role=role), backend="django.contrib.auth.backends.ModelBackend"
        )
    if route == "study-queries" and method == "POST":
        answer = client.post(paths[route], {}, format="multipart")
    else:
        answer = client.generic(method, paths[route], "{}", content_type="application/json")
    assert answer.status_code == status, answer.content
    if status >= 400:
        problem = answer.json()
        assert problem["status"] == status
        assert answer["Content-Type"] == "application/problem+json"


def test_every_route_and_method_has_a_row():
    offered = {
        (pattern.name, method.upper())
        for pattern in [*account_routes, *study_routes]
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(pattern.callback.view_class, method)
    }
    assert offered == set(TABLE)


@pytest.mark.parametrize("path", ["", "queries/", "toml/"])
def test_a_study_that_is_not_there_is_a_404_for_those_who_may_see_studies(path):
    client = APIClient()
    client.force_authenticate(make_user("caller", role="researcher"))
    answer = client.get(f"/api/v1/studies/none/{path}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no study 'none'; there is none yet."
