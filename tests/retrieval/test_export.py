import numpy as np
import pytest
from django.core.management import CommandError, call_command

from apps.catalog.models import Image
from tests.factories import make_collection
from tests.factories.features import damage, make_space

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> np.ndarray:
    rows = np.arange(6 * 16, dtype=np.float64).reshape(6, 16)
    rows[2] = np.nan
    return rows


@pytest.fixture
def collection(rows):
    collection = make_collection(n_images=6)
    make_space(collection, "cld", rows)
    Image.objects.filter(ordinal=4).update(excluded="illustration")
    return collection


def test_ids_and_vectors_in_the_order_of_the_collection(collection, rows, tmp_path, capsys):
    out = tmp_path / "vectors.npz"
    call_command("export_features", "animals", "cld", "--out", str(out))
    with np.load(out, allow_pickle=False) as found:
        assert found["image_id"].tolist() == ["0000.png", "0001.png", "0003.png", "0005.png"]
        np.testing.assert_array_equal(found["vectors"], rows[[0, 1, 3, 5]].astype(np.float32))
        assert found["vectors"].dtype == np.float32
    said = capsys.readouterr().out
    assert "4 vectors of 16 numbers; 1 screened-out images left out; 1 images could not" in said
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.npz"]


def test_screened_out_images_on_demand(collection, tmp_path):
    out = tmp_path / "vectors.npz"
    call_command("export_features", "animals", "cld", "--out", str(out), "--with-excluded")
    with np.load(out) as found:
        assert found["image_id"].tolist()[-2:] == ["0004.png", "0005.png"]


def test_the_same_vectors_give_the_same_bytes_in_their_stored_type(collection, tmp_path):
    make_space(collection, "r_full", np.ones((6, 25_088)))
    for name in ("a.npz", "b.npz"):
        call_command("export_features", "animals", "r_full", "--out", str(tmp_path / name))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz") as found:
        assert (found["vectors"].dtype, found["vectors"].shape) == (np.float16, (5, 25_088))


@pytest.mark.parametrize(
    ("arguments", "out", "sentence"),
    [
        pytest.param(["nothing", "cld"], "v.npz", "no collection 'nothing'", id="collection"),
        pytest.param(["animals", "nope"], "v.npz", "no feature space 'nope'", id="space"),
        pytest.param(
            ["animals", "ehd"], "v.npz", "not complete: run `manage.py extract_f", id="not computed"
        ),
        pytest.param(["animals", "cld"], "v.csv", "ends in .npz", id="another ending"),
    ],
)
def test_it_refuses_with_one_sentence(collection, tmp_path, arguments, out, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("export_features", *arguments, "--out", str(tmp_path / out))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_shard_leaves_no_half_written_file(collection, tmp_path):
    shard = collection.spaces.get().shards.get(start=4)
    damage(shard.file)
    with pytest.raises(CommandError, match=shard.file):
        call_command("export_features", "animals", "cld", "--out", str(tmp_path / "v.npz"))
    assert list(tmp_path.iterdir()) == []
