import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.catalog.models import Image
from tests.factories import make_collection

pytestmark = pytest.mark.django_db


def run(*words: object) -> str:
    out = io.StringIO()
    call_command("screen_images", *map(str, words), stdout=out)
    return out.getvalue()


def excluded() -> dict[str, str]:
    return dict(Image.objects.exclude(excluded="").values_list("image_id", "excluded"))


def test_labels_say_what_takes_part(tmp_path):
    make_collection("animals", n_images=4)
    labels = tmp_path / "labels.csv"
    labels.write_text("label,image_id\nchart,0000.png\nok,0001.png\n,0002.png\nmulti,0003.png\n")
    assert "2 images changed: 2 of 4 take part." in run("animals", "--labels", labels)
    assert excluded() == {"0000.png": "chart", "0003.png": "multi"}
    labels.write_text("image_id,label\n0000.png,\n")
    assert "1 images changed: 3 of 4 take part." in run("animals", "--labels", labels)
    assert excluded() == {"0003.png": "multi"}


@pytest.mark.parametrize(
    ("collection", "table", "sentence"),
    [
        pytest.param("birds", "image_id,label\n", "no collection 'birds'", id="unknown collection"),
        pytest.param("animals", None, "There is no file", id="no file"),
        pytest.param(
            "animals", "image_id\n0000.png\n", "labels.csv:1: The column label is", id="no column"
        ),
        pytest.param(
            "animals",
            "image_id,label\n0000.png,chart\nx.png,chart\n",
            "labels.csv:3: The collection animals has no image 'x.png'.",
            id="unknown image",
        ),
        pytest.param(
            "animals",
            "image_id,label\n0000.png,chart\n0000.png,ok\n",
            "labels.csv:3: The image_id '0000.png' is there twice (first in line 2).",
            id="an image twice",
        ),
        pytest.param(
            "animals", f"image_id,label\n0000.png,{'x' * 61}\n", "labels.csv:2: A label", id="long"
        ),
    ],
)
def test_a_refusal_names_file_and_line_and_changes_nothing(collection, table, sentence, tmp_path):
    make_collection("animals", n_images=2)
    if table is not None:
        (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(CommandError) as refusal:
        run(collection, "--labels", tmp_path / "labels.csv")
    assert sentence in str(refusal.value)
    assert excluded() == {}
