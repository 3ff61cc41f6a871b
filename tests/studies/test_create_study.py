import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import ExpertiseGroup
from apps.studies.models import Study
from tests.factories import make_collection, make_user

pytestmark = pytest.mark.django_db

TOML = """\
name = "Thorax"
methods = ["cld", "ehd"]
depth = 3

[[category]]
name = "Medical (Expert)"
groups = ["MD"]

[[query]]
id = "q001"
category = "Medical (Expert)"
image = "0001.png"
"""


def run(path, *arguments):
    call_command("create_study", *arguments, "--from", str(path))


def test_the_command_makes_the_study_and_says_what_it_made(tmp_path, capsys):
    make_collection(n_images=3)
    make_user("ada", groups=("CS",))
    (tmp_path / "study.toml").write_text(TOML)
    run(tmp_path / "study.toml", "thorax-1", "--collection", "animals")
    study = Study.objects.get(slug="thorax-1")
    assert study.queries.get().image.image_id == "0001.png"
    assert ExpertiseGroup.objects.filter(name="MD").exists()
    assert capsys.readouterr().out == (
        "Group MD made.\n"
        "Medical (Expert): 1 query, judged by MD\n"
        "Note: Nobody can judge Medical (Expert) yet: its groups (MD) have no assessors.\n"
        "Study thorax-1 made on animals: 1 query, methods cld, ehd, depth 3.\n"
    )


@pytest.mark.parametrize(
    ("study", "collection", "old", "new", "sentence"),
    [
        pytest.param(
            "thorax", "plants", "", "", "There is no collection 'plants'", id="unknown collection"
        ),
        pytest.param("thorax", "", "", "", "--collection is needed", id="no collection"),
        pytest.param(
            "Thorax 1", "animals", "", "", "STUDY must be small letters", id="unfit short name"
        ),
        pytest.param(
            "thorax", "animals", "depth = 3", "depth = 0",
            "{path}:3: depth must be from 1 to 10000, not 0.", id="depth 0",
        ),
        pytest.param(
            "thorax", "animals", "0001.png", "9999.png",
            "{path}:12: query 'q001': image 9999.png is not in the collection animals.",
            id="an image that is not in the collection: file and line",
        ),
        pytest.param(
            "thorax", "animals", TOML[TOML.index("[[query]]"):], "",
            "{path}: A study needs at least one query; this one has none.",
            id="a study without queries",
        ),
    ],
)  # fmt: skip
def test_the_command_refuses_in_one_sentence(tmp_path, study, collection, old, new, sentence):
    make_collection(n_images=3)
    path = tmp_path / "study.toml"
    path.write_text(TOML.replace(old, new) if old else TOML)
    options = ["--collection", collection] if collection else []
    with pytest.raises(CommandError) as refusal:
        run(path, study, *options)
    assert sentence.format(path=path) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not Study.objects.exists()
    assert not ExpertiseGroup.objects.exists()


def test_the_file_may_name_the_collection(tmp_path):
    make_collection(n_images=3)
    (tmp_path / "study.toml").write_text('collection = "animals"\n' + TOML)
    run(tmp_path / "study.toml", "thorax")
    assert Study.objects.get().collection.slug == "animals"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CommandError, match=r"There is no file .*/no\.toml\."):
        run(tmp_path / "no.toml", "thorax", "--collection", "animals")
