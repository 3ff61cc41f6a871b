import hashlib
from uuid import UUID

import numpy as np
import pytest
from rest_framework.test import APIClient

from apps.catalog import selectors, services
from apps.catalog.models import Image
from apps.common.storage import DamagedFileError, local_path
from tests.factories import make_collection, make_user
from tests.factories.pictures import picture_array, picture_bytes

pytestmark = pytest.mark.django_db


def client_of(role: str) -> APIClient:
    client = APIClient()
    client.force_authenticate(make_user(role, role=role))
    return client


def test_an_admin_makes_a_collection_and_everyone_who_reads_finds_it():
    made = client_of("admin").post("/api/v1/collections/", {"name": "Chest x-rays"})
    assert made.status_code == 201
    assert made.data["slug"] == "chest-x-rays"
    found = client_of("researcher").get("/api/v1/collections/")
    assert [row["slug"] for row in found.data["results"]] == ["chest-x-rays"]
    assert {key: found.data["results"][0][key] for key in ("n_images", "n_excluded")} == {
        "n_images": 0,
        "n_excluded": 0,
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "role", "status", "field"),
    [
        pytest.param("post", "collections/", {"name": ""}, "admin", 400, "name", id="no name"),
        pytest.param(
            "post",
            "collections/",
            {"name": "x", "slug": "A b"},
            "admin",
            400,
            "slug",
            id="bad slug",
        ),
        pytest.param("post", "collections/", {"name": "§"}, "admin", 400, "slug", id="no letters"),
        pytest.param(
            "post", "collections/", {"name": "Animals"}, "admin", 409, "slug", id="taken name"
        ),
        pytest.param(
            "post", "collections/", {"name": "x"}, "researcher", 403, None, id="not an admin"
        ),
        pytest.param("get", "collections/", {}, "assessor", 403, None, id="not a reader"),
        pytest.param(
            "get", "collections/birds/", {}, "admin", 404, "collection", id="unknown collection"
        ),
        pytest.param(
            "patch",
            "collections/animals/images/",
            {"image_ids": ["0000.png", "none.png"], "excluded": "chart"},
            "admin",
            400,
            "image_ids",
            id="unknown image",
        ),
        pytest.param(
            "post",
            "collections/animals/imports/",
            {"source": "ftp"},
            "admin",
            400,
            "source",
            id="unknown source",
        ),
    ],
)
def test_bad_requests_get_one_sentence(method, path, body, role, status, field):
    make_collection("animals", n_images=2)
    answer = getattr(client_of(role), method)(f"/api/v1/{path}", body)
    assert answer.status_code == status, answer.data
    assert answer.data.get("field") == field
    assert answer.data["detail"].endswith(".")
    assert not Image.objects.exclude(excluded="").exists()


def test_screening_in_the_browser_changes_what_takes_part():
    collection = make_collection("animals", n_images=3)
    admin = client_of("admin")
    url = "/api/v1/collections/animals/images/"
    body = {"image_ids": ["0000.png", "0002.png"], "excluded": "chart"}
    assert admin.patch(url, body).data == {"changed": 2}
    assert admin.patch(url, body).data == {"changed": 0}
    assert [i.image_id for i in Image.objects.searchable().filter(collection=collection)] == [
        "0001.png"
    ]
    shown = {
        asked: [row["image_id"] for row in admin.get(url, {"excluded": asked}).data["results"]]
        for asked in ("none", "any", "chart", "multipanel")
    }
    assert shown == {
        "none": ["0001.png"],
        "any": ["0000.png", "0002.png"],
        "chart": ["0000.png", "0002.png"],
        "multipanel": [],
    }
    assert admin.patch(url, body | {"excluded": ""}).data == {"changed": 2}


def test_listing_images_costs_the_same_queries_for_2_and_60(django_assert_num_queries):
    make_collection("few", n_images=2)
    make_collection("many", n_images=60)
    admin = client_of("admin")
    for slug in ("few", "many"):
        with django_assert_num_queries(4):  # collection, count, page, captions
            admin.get(f"/api/v1/collections/{slug}/images/?page_size=60")


def test_a_query_image_is_no_member_and_the_same_bytes_are_not_doubled():
    collection = make_collection("animals", n_images=1)
    content = picture_bytes(1)
    image = services.add_query_image(
        collection=collection, file_name="a/b/scan.png", content=content
    )
    assert (image.ordinal, image.file_name, image.width, image.height, image.format) == (
        None,
        "scan.png",
        64,
        48,
        "PNG",
    )
    again = services.add_query_image(collection=collection, file_name="x.png", content=content)
    assert again == image
    assert Image.objects.members().count() == 1
    assert selectors.image_bytes(image=image) == content
    assert (np.asarray(selectors.open_original(image=image)) == picture_array(1)).all()


@pytest.mark.parametrize(
    ("content", "image_id", "sentence"),
    [
        pytest.param(b"", None, "q.png: the file is empty", id="empty"),
        pytest.param(b"GIF89a?", None, "q.png: not a JPEG", id="no image"),
        pytest.param(picture_bytes(1), "0000.png", "another image '0000.png'", id="taken id"),
    ],
)
def test_a_bad_query_image_is_refused_and_leaves_nothing(content, image_id, sentence):
    collection = make_collection("animals", n_images=1)
    with pytest.raises((services.BadImageError, services.ImageIdTakenError), match=sentence):
        services.add_query_image(
            collection=collection, file_name="q.png", content=content, image_id=image_id
        )
    assert Image.objects.count() == 1


def test_a_changed_byte_of_an_original_is_noticed():
    image = services.add_query_image(
        collection=make_collection(), file_name="q.png", content=picture_bytes(2)
    )
    path = local_path(image.original)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=hashlib.sha256(picture_bytes(2)).hexdigest()):
        selectors.image_bytes(image=image)
    path.unlink()


@pytest.mark.parametrize("which", ["thumb", "display"])
def test_images_are_private_and_cannot_run_anything(which):
    image = services.add_query_image(
        collection=make_collection(), file_name="q.png", content=picture_bytes(3)
    )
    url = image.thumb_url if which == "thumb" else image.image_url
    answer = client_of("researcher").get(url)
    assert answer.status_code == 200
    assert answer.content[8:12] == b"WEBP"
    assert answer["Content-Type"] == "image/webp"
    assert answer["Cache-Control"].startswith("private")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert image.sha256 not in answer["ETag"]
    again = client_of("admin").get(url, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert APIClient().get(url).status_code == 401
    assessor = client_of("assessor")
    nobody = assessor.get(url)
    unknown = assessor.get(url.replace(str(image.uuid), str(UUID(int=0))))
    assert nobody.status_code == unknown.status_code == 404


def test_an_app_above_may_show_an_image_to_an_assessor(monkeypatch):
    monkeypatch.setattr(selectors, "_viewers", [])
    image = services.add_query_image(
        collection=make_collection(), file_name="q.png", content=picture_bytes(4)
    )
    selectors.register_image_viewer(lambda user, shown: user.username == "eve" and shown == image)
    for name, status in [("eve", 200), ("mallory", 404)]:
        client = APIClient()
        client.force_authenticate(make_user(name))
        assert client.get(image.thumb_url).status_code == status
