"""The web server hands out derivatives that lie in an object store, and nothing about the store."""

import pytest
from django.core.files.storage import default_storage
from rest_framework.test import APIClient

from apps.catalog import services
from apps.catalog.models import Image
from tests.factories import make_collection, make_user
from tests.factories.pictures import picture_bytes

pytestmark = pytest.mark.django_db


def add_image() -> Image:
    return services.add_query_image(
        collection=make_collection("animals"), file_name="a.png", content=picture_bytes(1)
    )


def client_of(role: str) -> APIClient:
    client = APIClient()
    client.force_authenticate(make_user(role, role=role))
    return client


def test_the_answer_is_that_of_a_local_file(settings, request):
    local = client_of("admin").get(add_image().thumb_url)
    Image.objects.all().delete()
    Image.collection.field.related_model.objects.all().delete()
    request.getfixturevalue("in_store")
    image = add_image()
    stored = APIClient()
    assert stored.get(image.thumb_url).status_code in (401, 403)
    stored.force_authenticate(make_user("somebody", role="assessor"))
    assert stored.get(image.thumb_url).status_code == 404
    stored.force_authenticate(make_user("ada", role="researcher"))
    answer = stored.get(image.thumb_url)
    assert answer.content == local.content
    assert {**answer.headers, "ETag": ""} == {**local.headers, "ETag": ""}
    default_storage.delete(image.thumb_name)
    assert stored.get(image.thumb_url).status_code == 404


def test_a_store_that_is_away_is_a_503_that_names_no_address(in_store, settings):
    image = add_image()
    default = settings.STORAGES["default"]
    options = {**default["OPTIONS"], "endpoint_url": "http://127.0.0.1:9"}
    settings.STORAGES = {**settings.STORAGES, "default": {**default, "OPTIONS": options}}
    answer = client_of("researcher").get(image.thumb_url)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert answer.data["code"] == "store_unavailable"
    assert answer.data["detail"] == "The object store does not answer: try again later."
