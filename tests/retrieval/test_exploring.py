"""The explorer's services: what is asked, what the worker answers, what is swept."""

from datetime import timedelta

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from apps.accounts.models import Role
from apps.catalog.services import add_query_image
from apps.catalog.services.images import BadImageError
from apps.catalog.sources.names import BadNameError
from apps.jobs.services import beat
from apps.retrieval import registry, selectors, services
from apps.retrieval.models import Exploration, Shard
from apps.retrieval.services.exploring import (
    BadExplorationError,
    ImageTakesNoPartError,
    NoExplorerError,
)
from apps.retrieval.services.exploring import asking as asking_module
from apps.retrieval.services.extraction import opened_pixels, vectors_of
from tests.factories import NOON, make_collection, make_user
from tests.factories.features import damage, make_pictured_collection, make_space
from tests.factories.pictures import picture_bytes

pytestmark = pytest.mark.django_db

# On a line, so that the nearest are seen at once: image n stands at n in the first dimension.
LINE = np.zeros((12, 16))
LINE[:, 0] = np.arange(12)


@pytest.fixture(autouse=True)
def _explorer(settings, no_hub):
    settings.WEIGHTS = ""
    beat(name="explorer", queues="explore", device="cpu", started_at=NOON, now=NOON)


@pytest.fixture
def person():
    return make_user("rosa", role=Role.RESEARCHER)


@pytest.fixture
def collection():
    found = make_collection(n_images=12)
    make_space(found, "cld", LINE)
    rows = np.zeros((12, 80))
    rows[:, 0] = -(np.arange(12) ** 2)
    make_space(found, "ehd", rows)
    return found


def ask(collection, person, *, methods=("cld",), depth=3, **what) -> Exploration:
    return services.request_exploration(
        collection=collection,
        methods=methods,
        depth=depth,
        asked_by=person,
        asked_at=NOON,
        **(what or {"image_id": "0005.png"}),
    )


def answer(asked: Exploration, *, now=NOON):
    services.run_exploration(exploration_id=asked.pk, clock=lambda: now)
    asked.refresh_from_db()
    return selectors.exploration_answer(exploration=asked, now=now)


def ids(found) -> list[str]:
    return [image_id for image_id, _ in found.hits]


# --- answers --------------------------------------------------------------------------------------
def test_every_method_answers_with_its_nearest_and_without_the_image_itself(collection, person):
    got = answer(ask(collection, person, methods=("cld", "ehd"), depth=4))
    cld, ehd = got.found
    assert (got.state, cld.method, ehd.method) == ("done", "cld", "ehd")
    # Ties by ordinal on the line; squares lie farther apart upwards.
    assert ids(cld) == ["0004.png", "0006.png", "0003.png", "0007.png"]
    assert ids(ehd) == ["0004.png", "0006.png", "0003.png", "0002.png"]
    assert [round(score, 5) for _, score in ehd.hits] == [-9, -11, -16, -21]
    assert {image.image_id for image in got.images} == set(ids(cld)) | set(ids(ehd))


def test_common_results_are_counted_at_the_cut_offs_within_the_depth(collection, person):
    got = answer(ask(collection, person, methods=("cld", "ehd"), depth=10))
    common = [(one.method_a, one.method_b, one.n, one.value) for one in got.common]
    assert common == [("cld", "ehd", 5, 0.8), ("cld", "ehd", 10, 1.0)]


@pytest.mark.parametrize("memory", [1, 2**30], ids=["piece by piece", "all at once"])
def test_the_answer_does_not_depend_on_the_memory(collection, person, settings, memory):
    settings.SEARCH_MEMORY, settings.SHARD_ROWS = memory, 4
    [found] = answer(ask(collection, person, depth=11)).found
    assert ids(found)[:4] == ["0004.png", "0006.png", "0003.png", "0007.png"]
    assert len(found.hits) == 11


def test_a_fusion_answers_as_its_members_would_in_a_pool(collection, person):
    asked = ask(collection, person, methods=("rrf(cld+ehd)", "cld"), depth=3)
    fusion, cld = answer(asked).found
    # Both lists are whole and begin 4, 6, 3: the sums of 1 / (60 + rank) do so too.
    assert ids(fusion) == ids(cld) == ["0004.png", "0006.png", "0003.png"]
    assert [round(score, 6) for _, score in fusion.hits] == [
        round(2 / (60 + rank), 6) for rank in (1, 2, 3)
    ]


def test_a_fusion_whose_member_cannot_answer_names_it(collection, person):
    [fusion] = answer(ask(collection, person, methods=("rrf(cld+r_sum)",))).found
    assert fusion.error.startswith("Its member r_sum: The feature space r_sum is not complete")


def test_images_screened_out_are_never_found_not_even_afterwards(collection, person):
    collection.images.filter(ordinal=4).update(excluded="illustration")
    asked = ask(collection, person)
    assert ids(answer(asked).found[0]) == ["0006.png", "0003.png", "0007.png"]
    collection.images.filter(ordinal=6).update(excluded="multipanel")
    later = selectors.exploration_answer(exploration=asked, now=NOON)
    assert ids(later.found[0]) == ["0003.png", "0007.png"]
    assert all(not image.excluded for image in later.images)


def test_a_space_that_was_computed_anew_is_searched(collection, person):
    answer(ask(collection, person))
    make_space(collection, "cld", LINE[::-1] ** 2, version="newer")
    assert ids(answer(ask(collection, person)).found[0])[0] == "0006.png"


def test_running_twice_changes_nothing(collection, person):
    asked = ask(collection, person)
    answer(asked)
    before = Exploration.objects.values().get()
    answer(asked)
    assert Exploration.objects.values().get() == before


# --- what keeps one method from answering ---------------------------------------------------------
def test_a_method_without_its_space_says_what_to_run_and_stops_no_other(collection, person):
    got = answer(ask(collection, person, methods=("r_sum", "cld")))
    assert got.state == "done"
    assert got.found[0].error == (
        "The feature space r_sum is not complete: "
        "run `manage.py extract_features animals --space r_sum`."
    )
    assert ids(got.found[1]) == ["0004.png", "0006.png", "0003.png"]
    assert got.common == []


def test_an_image_without_a_vector_says_why(person):
    collection = make_collection(n_images=12)
    rows = LINE.copy()
    rows[5] = np.nan
    make_space(collection, "cld", rows)
    got = answer(ask(collection, person))
    assert got.found[0].error == "This image has no vector in cld: damaged."


def test_a_damaged_shard_is_named(collection, person):
    damage(Shard.objects.filter(space__name="cld").first().file)
    got = answer(ask(collection, person, methods=("cld", "ehd")))
    assert "differs from its checksum" in got.found[0].error
    assert got.found[1].error == ""


def test_an_error_of_the_code_is_told_without_its_words(collection, person, monkeypatch, caplog):
    def fail(**_):
        raise RuntimeError("secret")

    monkeypatch.setattr(registry.MethodEntry, "load", lambda self: fail)
    got = answer(ask(collection, person))
    assert got.found[0].error == "It failed (RuntimeError): see the worker's log."
    assert "secret" in caplog.text


def test_a_method_that_comes_too_late_says_so(collection, person):
    got = answer(ask(collection, person), now=NOON + timedelta(seconds=21))
    assert got.state == "done"
    assert got.found[0].error.startswith("Not within 20 s")


def test_an_exploration_that_nobody_finishes_counts_as_failed(collection, person):
    asked = ask(collection, person)
    waiting = selectors.exploration_answer(exploration=asked, now=NOON + timedelta(seconds=24))
    assert (waiting.state, waiting.found[0].is_waiting) == ("waiting", True)
    given_up = selectors.exploration_answer(exploration=asked, now=NOON + timedelta(seconds=26))
    assert (given_up.state, given_up.found[0].is_waiting) == ("failed", False)
    assert given_up.error.startswith("No answer within 20 s")


# --- images from outside --------------------------------------------------------------------------
@pytest.fixture
def pictured(person):
    """A collection with files whose colour layouts are really computed."""
    collection = make_pictured_collection(n_images=4)
    space = make_space(collection, "cld", np.zeros((4, 16)))
    images = list(collection.images.order_by("ordinal"))
    found = vectors_of(images, opened=opened_pixels, spaces=[space], device="cpu")
    space.delete()
    make_space(collection, "cld", found["cld"])
    return collection


def dropped(seed: int, name: str = "mine.png") -> services.DroppedFile:
    return services.DroppedFile(name=name, content=picture_bytes(seed))


def test_a_dropped_image_is_searched_as_a_query_from_outside_would_be(pictured, person):
    asked = ask(pictured, person, file=dropped(77, "C:\\scans\\mine.png"), depth=4)
    got = answer(asked)
    assert (asked.image, asked.file_name, asked.width) == (None, "mine.png", 64)
    assert len(got.found[0].hits) == 4  # all of them: it is not in the collection
    query = add_query_image(collection=pictured, file_name="mine.png", content=picture_bytes(77))
    same = answer(ask(pictured, person, image_id=query.image_id, depth=4))
    assert same.found == got.found


def test_what_is_kept_of_a_dropped_image_is_its_file_and_our_own_encoding(pictured, person):
    asked = ask(pictured, person, file=dropped(77))
    with default_storage.open(asked.original) as file:
        assert file.read() == picture_bytes(77)
    with default_storage.open(asked.display) as file:
        assert file.read()[8:12] == b"WEBP"


def test_a_dropped_copy_of_an_image_is_that_image(pictured, person):
    asked = ask(pictured, person, file=dropped(2))
    assert (asked.image.ordinal, asked.original) == (2, "")
    assert "0002.png" not in ids(answer(asked).found[0])


def test_without_weights_an_image_from_outside_has_no_vector_and_the_sentence_helps(
    pictured, person
):
    make_space(pictured, "r_sum", np.zeros((4, 512)))
    got = answer(ask(pictured, person, methods=("r_sum", "cld"), file=dropped(77)))
    assert got.found[0].error.startswith("An image from outside has no vector here. Weights not")
    assert got.found[1].error == ""


def test_a_space_of_another_version_takes_no_image_from_outside(pictured, person):
    make_space(pictured, "cld", np.zeros((4, 16)), version="older")
    got = answer(ask(pictured, person, file=dropped(77)))
    assert "was computed as older" in got.found[0].error


def stored() -> set[str]:
    """Files of explorations in the storage, which the tests share."""
    try:
        return set(default_storage.listdir("explorations")[1])
    except FileNotFoundError:
        return set()


# --- refusals -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("what", "error", "sentence"),
    [
        pytest.param({"methods": ()}, BadExplorationError, "at least one method", id="no method"),
        pytest.param({"methods": ("cld",) * 2}, BadExplorationError, "named twice", id="twice"),
        pytest.param({"methods": ("x",) * 17}, BadExplorationError, "At most 16", id="too many"),
        pytest.param(
            {"methods": ("nothing",)}, registry.UnknownMethodError, "no method 'nothing'", id="name"
        ),
        pytest.param(
            {"methods": ("rrf(cld+nothing)",)},
            registry.UnknownMethodError,
            "no method 'nothing'",
            id="member",
        ),
        pytest.param({"depth": 0}, BadExplorationError, "1 to 200, not 0", id="no depth"),
        pytest.param({"depth": 201}, BadExplorationError, "not 201", id="too deep"),
        pytest.param(
            {"image_id": "none.png"}, BadExplorationError, "no image 'none.png'", id="no such image"
        ),
        pytest.param({"image_id": ""}, BadExplorationError, "or else a file", id="neither"),
        pytest.param(
            {"file": services.DroppedFile(name="a.png", content=b"no image")},
            BadImageError,
            "a.png: not a JPEG",
            id="no image",
        ),
        pytest.param(
            {"file": services.DroppedFile(name="a\n.png", content=b"no image")},
            BadNameError,
            "control character",
            id="an odd name",
        ),
    ],
)
def test_what_is_wrong_is_refused_in_a_sentence(collection, person, what, error, sentence):
    before = stored()
    with pytest.raises(error, match=sentence):
        ask(collection, person, **({"image_id": "0001.png"} if "file" not in what else {}) | what)
    assert not Exploration.objects.exists()
    assert stored() == before


def test_an_image_that_is_screened_out_is_not_looked_up(collection, person):
    collection.images.filter(ordinal=5).update(excluded="illustration")
    with pytest.raises(ImageTakesNoPartError, match=r"screened out \(illustration\)"):
        ask(collection, person)


@pytest.mark.parametrize("queues", ["", "cpu,gpu"])
def test_without_a_worker_that_explores_it_is_said_at_once(collection, person, queues):
    from apps.jobs.models import WorkerHeartbeat

    WorkerHeartbeat.objects.update(queues=queues)
    with pytest.raises(NoExplorerError, match="No worker that explores is alive"):
        ask(collection, person)


def test_the_database_holds_one_image_per_exploration(collection, person):
    asked = ask(collection, person)
    for change in ({"original": "x"}, {"image": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Exploration.objects.filter(pk=asked.pk).update(**change)


# --- what goes ------------------------------------------------------------------------------------
def test_after_a_day_it_is_swept_with_its_files(pictured, person):
    asked = ask(pictured, person, file=dropped(77))
    assert services.sweep_explorations(now=NOON + timedelta(hours=24)) == 0
    assert services.sweep_explorations(now=NOON + timedelta(hours=25)) == 1
    assert not Exploration.objects.exists()
    assert not default_storage.exists(asked.original)
    assert not default_storage.exists(asked.display)


def test_the_oldest_of_a_person_go_first_and_those_of_others_stay(pictured, person, monkeypatch):
    monkeypatch.setattr(asking_module, "KEPT_PER_PERSON", 2)
    other = make_user("olga", role=Role.RESEARCHER)
    ask(pictured, other, image_id="0001.png")
    first = ask(pictured, person, file=dropped(77))
    for number in (1, 2):
        ask(pictured, person, image_id=f"000{number}.png")
    assert Exploration.objects.filter(asked_by=person).count() == 2
    assert Exploration.objects.filter(asked_by=other).count() == 1
    assert not default_storage.exists(first.original)


def test_the_answer_costs_the_same_queries_whatever_its_size(
    collection, person, django_assert_num_queries
):
    asked = ask(collection, person, methods=("cld", "ehd"), depth=10)
    answer(asked)
    with django_assert_num_queries(2):  # images and their captions
        selectors.exploration_answer(exploration=asked, now=NOON)
