"""Every command refuses in one sentence that names what is wrong, and nothing half-written stays.

The refusals of the issue side by side; each room's tests have many more.
"""

import hashlib
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.catalog.models import Collection, Image, Import
from apps.jobs.models import Job
from apps.studies.models import Study
from tests.factories import make_collection, make_user
from tests.factories.pictures import picture_bytes

pytestmark = pytest.mark.django_db

HEAD = 'name = "Birds"\ncollection = "animals"\nmethods = ["cld", "ehd"]\n'
CATEGORY = '[[category]]\nname = "Open Domain"\ngroups = ["CS"]\n'
QUERY = '[[query]]\nid = "q1"\ncategory = "Open Domain"\nimage = "0000.png"\n'


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture(autouse=True)
def world(tmp_path, monkeypatch):
    """A collection of three images, one assessor, and a folder to work in."""
    monkeypatch.chdir(tmp_path)
    make_collection("animals", n_images=3)
    make_user("ada", groups=("CS",))


@pytest.mark.parametrize(
    ("files", "command", "said"),
    [
        pytest.param(
            {"in/a.png": picture_bytes()},
            ("import_images", "birds", "in"),
            ["collection", "birds"],
            id="unknown collection",
        ),
        pytest.param(
            {"in/": ""},
            ("import_images", "animals", "in"),
            ["in", "no "],
            id="empty folder",
        ),
        pytest.param(
            {"in/a.png": picture_bytes(), "in/manifest.csv": "file_name\na.png\nb.png\n"},
            ("import_images", "animals", "in/manifest.csv"),
            ["manifest.csv:3", "b.png"],
            id="manifest naming a missing file",
        ),
        pytest.param(
            {
                "in/a.png": picture_bytes(1),
                "in/b.png": picture_bytes(2),
                "in/manifest.csv": "file_name,image_id\na.png,x\nb.png,x\n",
            },
            ("import_images", "animals", "in/manifest.csv"),
            ["manifest.csv:3", "image_id", "x"],
            id="duplicate image ids",
        ),
        pytest.param(
            {"study.toml": HEAD + CATEGORY},
            ("create_study", "birds", "--from", "study.toml"),
            ["study.toml", "quer"],
            id="study without queries",
        ),
        pytest.param(
            {"study.toml": HEAD + "depth = 0\n" + CATEGORY + QUERY},
            ("create_study", "birds", "--from", "study.toml"),
            ["study.toml:4", "depth"],
            id="depth 0",
        ),
        pytest.param(
            {"study.toml": HEAD + CATEGORY + QUERY.replace("0000", "9999")},
            ("create_study", "birds", "--from", "study.toml"),
            ["study.toml", "9999.png"],
            id="query that is no image",
        ),
        pytest.param(
            {"study.toml": HEAD + CATEGORY + QUERY},
            ("create_study", "birds", "--from", "study.toml", "--collection", "fish"),
            ["fish"],
            id="study on an unknown collection",
        ),
        pytest.param(
            {}, ("extract_features", "fish"), ["fish"], id="features of an unknown collection"
        ),
        pytest.param(
            {},
            ("extract_features", "animals", "--space", "r_max"),
            ["eights not found", "LIKENESS_WEIGHTS"],
            id="missing weights",
        ),
        pytest.param({}, ("build_pools", "birds"), ["birds"], id="pools of an unknown study"),
        pytest.param({}, ("report", "birds", "--out", "out"), ["birds"], id="unknown report"),
        pytest.param(
            {"release/study.json": "{}"},
            ("import_study", "release"),
            ["study.json", "name"],
            id="release without a name",
        ),
        pytest.param(
            {
                "release/study.json": json.dumps(
                    {
                        "name": "Birds",
                        "files": {"queries.csv": hashlib.sha256(b"other").hexdigest()},
                    }
                ),
                "release/queries.csv": "query_id,category,image_id\nq1,Open Domain,a.png\n",
            },
            ("import_study", "release"),
            ["queries.csv"],
            id="release with a changed byte",
        ),
    ],
)
def test_a_command_refuses_in_one_sentence_and_leaves_nothing(files, command, said, tmp_path):
    write(tmp_path, files)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(CommandError) as refusal:
        call_command(*command)
    sentence = str(refusal.value)
    assert "\n" not in sentence
    for word in said:
        assert word in sentence, sentence
    assert Image.objects.count() == 3
    assert [c.slug for c in Collection.objects.all()] == ["animals"]
    assert not Study.objects.exists()
    assert not Import.objects.exists()
    assert not Job.objects.exists()
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_category_whose_groups_have_nobody_is_refused_by_name_at_planning(tmp_path, capsys):
    write(tmp_path, {"study.toml": HEAD + CATEGORY.replace("CS", "Nobody") + QUERY})
    call_command("create_study", "birds", "--from", "study.toml")
    with pytest.raises(CommandError) as refusal:
        call_command("plan_assignments", "birds")
    assert "\n" not in str(refusal.value)
    assert Study.objects.get().state == "draft"
