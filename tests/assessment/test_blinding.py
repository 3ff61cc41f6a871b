"""An assessor learns nothing of methods, ranks, scores, names of images or other people.

Marks are planted wherever such things are kept; then every GET route of the program is asked, with
every argument that fits, and no answer (body, headers, address) may hold a mark.
"""

import io
import itertools
import re
import uuid
from dataclasses import dataclass

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from apps.accounts.models import ExpertiseGroup, Invitation, Role, User
from apps.assessment import services
from apps.catalog.models import Caption, Collection, Image, Import, ImportedFile, Screening
from apps.common.storage import publish
from apps.jobs.models import Job, JobPart
from apps.retrieval.models import PoolSource, Ranking
from apps.studies.models import Study
from tests.assessment.test_views import signed_in
from tests.factories import NOON, make_collection, make_study, make_user
from tests.factories.assessment import make_participant, make_pooled_study, tasks_of

pytestmark = pytest.mark.django_db

MARK = "zqx"  # in every planted word
SCORE, RANK, DEPTH = "73737.125", "41737", "52737"  # planted numbers
MARKS = re.compile(rf"{MARK}|{re.escape(SCORE)}|{RANK}|{DEPTH}", re.IGNORECASE)

# Routes that are no part of the API: Django's own admin site, and the one page.
BEYOND = ("admin/", "^(?!api/")


@dataclass
class World:
    """What was planted, and the arguments that fit the routes."""

    assessor: User
    arguments: dict[str, list]


@pytest.fixture
def world() -> World:
    study = make_pooled_study(
        state=Study.State.OPEN,
        name="Thorax",
        methods=[f"{MARK}-method"],
        depth=int(DEPTH),
        ranking_depth=int(DEPTH),
        description=f"{MARK} what we expect",
        categories={"Open Domain": ("CS", f"{MARK}-group")},
    )
    _mark_images(study.collection)
    _mark_retrieval(study)
    ada = make_participant(study, make_user("ada", groups=("CS",)), pseudonym=f"{MARK}1")
    bob = make_participant(study, make_user(f"{MARK}-bob"), pseudonym=f"{MARK}2")
    User.objects.filter(pk=bob.user_id).update(display_name=f"{MARK} Bob", email=f"{MARK}@x.org")
    judgments = []
    for number, participant in enumerate((ada, bob)):
        task = tasks_of(participant)[0]
        own = participant is ada
        judgments.append(
            services.record_judgment(
                uuid=uuid.UUID(int=number),
                task_id=task.uuid,
                assessor=participant.user,
                submitted_at=NOON,
                level=4 if own else None,
                unjudgeable=None if own else "other",
                note="" if own else f"{MARK} blurred",
            ).judgment.uuid
        )
    _plant_elsewhere(bob.user)
    images = list(Image.objects.values_list("uuid", flat=True))
    tasks = [task.uuid for participant in (ada, bob) for task in tasks_of(participant)]
    return World(
        assessor=ada.user,
        arguments={
            "slug": ["thorax", "thorax-images", "nothing"],
            "study": ["thorax", "nothing"],
            "uuid": [*images[::20], *tasks, *judgments, uuid.UUID(int=999)],
            "job_id": _keys(Job),
            "import_id": _keys(Import),
            "pk": sorted({*_keys(User), *_keys(Invitation), *_keys(ExpertiseGroup)}),
            "id": sorted({*_keys(User), *_keys(Job), *_keys(Import)}),
            "method": [f"{MARK}-method", "nothing"],
            "release_id": [1],
            "token": ["nothing"],
            "name": ["agreement", "assessor_pairs", "precision", "model_agreement", "values"],
            "extension": ["csv", "tex", "svg", "png", "pdf", "vl.json"],
        },
    )


def _keys(model) -> list[int]:
    return [*model.objects.values_list("pk", flat=True), 999_999]


def _mark_images(collection: Collection) -> None:
    Collection.objects.filter(pk=collection.pk).update(
        name=f"{MARK} collection", description=f"{MARK} where it is from"
    )
    for image in collection.images.all():
        image.image_id = f"{MARK}-id-{image.ordinal}"
        image.file_name = f"{MARK}-file-{image.ordinal}.png"
        image.metadata = {"label": f"{MARK}-label"}
        image.has_derivatives = True
        image.save()
        Caption.objects.create(image=image, position=0, text=f"{MARK} caption")
        Screening.objects.create(image=image, problem=f"{MARK} damaged", several=float(SCORE))
        for name in (image.thumb_name, image.display_name):
            publish(name, io.BytesIO(b"RIFF....WEBP"))


def _mark_retrieval(study: Study) -> None:
    for query in study.queries.all():
        query.query_id = f"{MARK}-{query.query_id}"
        query.save()
        Ranking.objects.create(
            query=query, method=f"{MARK}-method", images=[1, 2], scores=[float(SCORE), 0.0]
        )
    PoolSource.objects.update(method=f"{MARK}-method", rank=int(RANK), score=float(SCORE))


def _plant_elsewhere(bob: User) -> None:
    other = make_collection(f"{MARK}-other", n_images=1)
    make_study(f"{MARK}-other", collection=other)
    batch = Import.objects.create(collection=other, source=f"{MARK}/folder", created_at=NOON)
    ImportedFile.objects.create(
        batch=batch, position=0, file_name=f"{MARK}.png", requested_id=f"{MARK}-id"
    )
    job = Job.objects.create(
        kind="pools", target=f"study:{MARK}-other", title=f"{MARK} title", created_at=NOON
    )
    JobPart.objects.create(job=job, position=0, key=f"{MARK}-part")
    Invitation.objects.create(
        token_sha256="0" * 64,
        note=f"{MARK} for a friend",
        created_by=bob,
        created_at=NOON,
        expires_at=NOON,
    )


def routes(resolver=None, prefix: str = "") -> list[tuple[str, dict[str, object]]]:
    """Every route of the URL configuration, with its arguments."""
    found = []
    for pattern in (resolver or get_resolver()).url_patterns:
        path = prefix + str(pattern.pattern)
        if path.startswith(BEYOND):
            continue
        if isinstance(pattern, URLResolver):
            found += routes(pattern, path)
        elif isinstance(pattern, URLPattern):
            names = re.findall(r"<(?:\w+:)?(\w+)>", path)
            found.append((path, dict.fromkeys(names)))
    return found


def filled(path: str, values: dict[str, object]) -> str:
    """The address of a route, from Django's path or regular expression."""
    for name, value in values.items():
        path = re.sub(rf"<(?:\w+:)?{name}>", f"<{name}>", path)
        path = re.sub(rf"\(\?P<{name}>(?:[^()]|\([^()]*\))*\)|<{name}>", str(value), path)
    return "/" + path.replace("^", "").replace("$", "").replace("\\.", ".")


def addresses(arguments: dict[str, list]) -> list[str]:
    found = []
    for path, names in routes():
        unknown = set(names) - set(arguments)
        assert not unknown, f"{path}: say in `World.arguments` what fits {unknown}"
        for values in itertools.product(*(arguments[name] for name in names)):
            found.append(filled(path, dict(zip(names, values, strict=True))))
    return found


def all_that_was_said(response) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in response.items())
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return f"{headers}\n\n{body.decode('utf-8', errors='replace')}"


def crawl(client, asked: list[str]) -> dict[str, str]:
    """What every address answered, links in the answers included."""
    said: dict[str, str] = {}
    waiting = list(asked)
    while waiting:
        address = waiting.pop()
        if address in said:
            continue
        response = client.get(address)
        assert response.status_code < 500 or address.endswith("/health/"), address
        said[address] = f"{response.status_code}\n{all_that_was_said(response)}"
        waiting += re.findall(r'"(/api/v1/[^"{}]*)"', said[address])
    return said


@pytest.mark.parametrize("state", [Study.State.OPEN, Study.State.CLOSED])
def test_no_route_tells_an_assessor_what_they_must_not_know(world, state):
    Study.objects.filter(slug="thorax").update(state=state)
    said = crawl(signed_in(world.assessor), addresses(world.arguments))
    hits = {
        address: MARKS.search(text.split("\n", 1)[1])[0]
        for address, text in said.items()
        # The address itself may be echoed; none of ours holds a mark.
        if MARKS.search(text)
    }
    assert hits == {}
    answered = [address for address, text in said.items() if text.startswith("200")]
    assert "/api/v1/assess/thorax/tasks/" in answered
    assert "/api/v1/assess/thorax/history/" in answered
    assert sum("/images/" in address for address in answered) >= 4  # by the links of the tasks


def test_the_crawl_finds_what_is_there_to_be_found(world):
    # The same crawl by an admin finds the marks: it would find them for an assessor too.
    admin = signed_in(make_user("root", role=Role.ADMIN))
    said = crawl(admin, addresses(world.arguments))
    marked = {address for address, text in said.items() if MARKS.search(text)}
    expected = {
        "/api/v1/people/",
        "/api/v1/jobs/",
        "/api/v1/collections/thorax-images/images/",
        "/api/v1/collections/thorax-images/screening/images/",
        "/api/v1/studies/thorax/",
        "/api/v1/studies/thorax/queries/",
        "/api/v1/studies/thorax/plan/",
        "/api/v1/studies/thorax/monitor/",
    }
    assert marked >= expected


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("put", "judgments/{uuid}/", {"task_id": "{other_task}", "level": 3}),
        ("put", "judgments/{other_judgment}/", {"task_id": "{task}", "level": 3}),
        ("put", "judgments/{uuid}/", {"task_id": "{task}", "level": 9}),
        (
            "put",
            "judgments/{uuid}/",
            {"task_id": "{task}", "level": 3, "revises": "{other_judgment}"},
        ),
        ("post", "studies/thorax/plan/", {}),
        ("post", "studies/thorax/close/", {}),
        ("put", "studies/thorax/design/", {}),
        ("options", "studies/thorax/", None),
        ("options", "assess/thorax/tasks/", None),
        ("options", "judgments/{uuid}/", None),
    ],
)
def test_no_refusal_tells_it_either(world, method, address, body):
    bob = User.objects.get(username=f"{MARK}-bob")
    names = {
        "uuid": uuid.UUID(int=500),
        "task": tasks_of(world.assessor.participations.get())[1].uuid,
        "other_task": tasks_of(bob.participations.get())[1].uuid,
        "other_judgment": uuid.UUID(int=1),
    }
    body = body and {
        key: value.format(**names) if isinstance(value, str) else value
        for key, value in body.items()
    }
    client = signed_in(world.assessor)
    response = getattr(client, method)(f"/api/v1/{address.format(**names)}", body)
    assert response.status_code >= 400 or method == "options"
    assert not MARKS.search(all_that_was_said(response))


def test_a_task_holds_nothing_but_its_named_fields(world):
    (first, *_) = signed_in(world.assessor).get("/api/v1/assess/thorax/tasks/").json()["tasks"]
    assert set(first) == {
        "task_id",
        "query",
        "candidate",
        "category",
        "query_number",
        "query_count",
        "candidate_number",
        "candidate_count",
    }
    for image in (first["query"], first["candidate"]):
        assert set(image) == {"image_url", "thumb_url", "width", "height"}
        for address in (image["image_url"], image["thumb_url"]):
            assert re.fullmatch(r"/api/v1/images/[0-9a-f-]{36}/(display|thumb)/", address)


def test_the_candidate_of_two_assessors_has_the_same_address_whoever_found_it(world):
    bob = User.objects.get(username=f"{MARK}-bob")
    seen = []
    for user in (world.assessor, bob):
        history = signed_in(user).get("/api/v1/assess/thorax/history/").json()
        seen.append(history[0]["task"]["candidate"]["image_url"])
    assert seen[0] == seen[1]
