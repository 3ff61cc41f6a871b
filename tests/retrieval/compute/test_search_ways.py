"""Every way to multiply and to read gives the same answer: the ways of `euclidean`."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.retrieval.compute import search
from apps.retrieval.compute.search import products, reading, screening, streaming


class AsOnAGpu(products.TorchProducts):
    """The steps that a GPU takes, results copied back included, with the processor's tensors."""

    def __init__(self, queries, *, block_rows):
        super().__init__(queries, block_rows=block_rows)
        self._here = False
        self._tile_rows = block_rows


WAYS = {
    "numpy": products.NumpyProducts,
    "torch": products.TorchProducts,
    "bfloat16": products.CoarseProducts,
    "as on a GPU": AsOnAGpu,
}
ON_GPU = pytest.param("cuda", marks=pytest.mark.gpu)


@pytest.fixture(autouse=True)
def _cuda_if_asked(request):
    if request.node.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


def definition(queries, rows, eligible, own, k):
    """(ordinals, distances) of every query, every distance in float64 as the formula says."""
    answers = []
    for query, itself in zip(queries, own, strict=True):
        with np.errstate(invalid="ignore"):
            differences = rows.astype(np.float64) - query.astype(np.float64)
            distances = np.sqrt(np.square(differences).sum(axis=1))
        allowed = eligible & np.isfinite(distances) & (np.arange(len(rows)) != itself)
        order = np.lexsort((np.arange(len(rows)), distances))
        order = order[allowed[order]][:k]
        answers.append((order.tolist(), distances[order].tolist()))
    return answers


def searched(queries, shards, eligible, own, k, **options):
    found = search.euclidean(
        queries=queries,
        shards=shards,
        first=0,
        eligible=eligible,
        own=np.asarray(own, dtype=np.int64),
        k=k,
        **({"threads": 2} | options),
    )
    return [(one.ordinals.tolist(), one.distances.tolist()) for one in found]


def forced(patch, way):
    """Make a search take one way only."""
    patch.setattr(streaming._Choice, "_way", lambda self: lambda: self._made(WAYS[way]))


@st.composite
def hard_problems(draw):
    """Duplicates, near-duplicates, rows that are missing, very long and very short ones."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, columns = draw(st.integers(1, 90)), draw(st.integers(1, 40))
    dtype = draw(st.sampled_from([np.float16, np.float32]))
    kind = draw(st.sampled_from(["duplicates", "near-duplicates", "spread", "long"]))
    if kind == "duplicates":
        rows = rng.random((3, columns))[rng.integers(0, 3, size=n)]
    elif kind == "near-duplicates":  # |q|² - 2 q·x + |x|² cancels to nothing but its errors
        last_bit = 2.0**-1 if dtype == np.float16 else 2.0**-14
        rows = 1000 + rng.integers(-2, 3, size=(n, columns)) * last_bit
    elif kind == "spread":
        rows = rng.standard_normal((n, columns)) * 10.0 ** rng.integers(-3, 4, size=(n, 1))
    else:
        largest = 6e4 if dtype == np.float16 else 1e19
        rows = rng.random((n, columns)) * largest ** rng.random((n, 1))
    rows = rows.astype(dtype)
    rows[rng.random(n) < draw(st.sampled_from([0, 0.2]))] = np.nan
    eligible = rng.random(n) >= draw(st.sampled_from([0, 0.3]))
    finite = np.flatnonzero(np.isfinite(rows).all(axis=1))
    own = rng.choice(finite, size=3) if len(finite) else np.array([-1])
    queries = rows[own].astype(np.float32) if len(finite) else np.zeros((1, columns), np.float32)
    own = np.where(rng.random(len(own)) < 0.3, -1, own)
    k = draw(st.integers(1, n + 3))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=3)))
    shards = [shard for shard in np.split(rows, cuts) if len(shard)]
    options = {"block_rows": draw(st.integers(1, n + 2)), "threads": draw(st.integers(1, 4))}
    return queries, rows, shards, eligible, own, k, options


@pytest.mark.parametrize("way", list(WAYS))
@settings(max_examples=60, deadline=None)
@given(problem=hard_problems())
def test_every_way_finds_exactly_what_the_definition_says(way, problem):
    queries, rows, shards, eligible, own, k, options = problem
    expected = definition(queries, rows, eligible, own, k)
    with pytest.MonkeyPatch.context() as patch:
        forced(patch, way)
        found = searched(queries, shards, eligible, own, k, **options)
    assert found == expected


@pytest.mark.parametrize("way", list(WAYS))
def test_long_float16_vectors_in_tiles_and_pieces(way, monkeypatch):
    rng = np.random.default_rng(0)
    rows = np.maximum(rng.standard_normal((1100, 40)) @ rng.standard_normal((40, 1200)), 0)
    rows = rows.astype(np.float16)
    rows[[3, 700]] = np.nan
    own = np.array([0, 5, 1099])
    queries = rows[own].astype(np.float32)
    eligible = rng.random(1100) > 0.1
    monkeypatch.setattr(products, "TILE_ROWS", 128)
    forced(monkeypatch, way)
    expected = definition(queries, rows, eligible, own, 100)
    for block_rows in (1, 100, 300, 2000):
        found = searched(queries, [rows[:10], rows[10:]], eligible, own, 100, block_rows=block_rows)
        assert found == expected


@pytest.mark.parametrize("dimensions", [1, 511, 512, 513, 3000])
@pytest.mark.parametrize("kind", ["positive", "mixed", "wide", "equal"])
@pytest.mark.parametrize("way", [*WAYS, ON_GPU])
def test_products_and_norms_are_within_their_bounds(way, kind, dimensions):
    rng = np.random.default_rng(dimensions)
    rows = rng.random((70, dimensions)) - (0.5 if kind == "mixed" else 0)
    if kind == "wide":
        rows *= 10.0 ** rng.integers(-9, 9, size=rows.shape)
    if kind == "equal":
        rows[:] = 1 + 2.0**-8 + 2.0**-16  # all roundings to bfloat16 go the same way
    rows = rows.astype(np.float32)
    queries = (rows[:20] * np.float32(1.001)).astype(np.float32)
    if way == "cuda":
        made = products.TorchProducts(queries, block_rows=70, device="cuda")
    else:
        made = WAYS[way](queries, block_rows=70)
    found, norms = made.of(rows)
    x, q = rows.astype(np.longdouble), queries.astype(np.longdouble)
    lengths, long = np.sqrt((q * q).sum(axis=1)), np.sqrt((x * x).sum(axis=1))
    room = made.growth[:, None] * lengths[:, None] * long
    assert (np.abs(found / np.longdouble(-2) - q @ x.T) <= room).all()
    assert (np.abs(norms - (x * x).sum(axis=1)) <= made.norm_growth * long**2).all()


def test_coarse_bounds_that_leave_too_many_candidates_are_given_up(monkeypatch):
    """Rows on a thin shell: bfloat16 tells none of them apart, float32 does."""
    rng = np.random.default_rng(2)
    rows = (1 + rng.random((3000, 64)) * 0.1).astype(np.float16)
    own = np.arange(4)
    queries, eligible = rows[own].astype(np.float32), np.ones(3000, bool)
    monkeypatch.setattr(streaming, "COARSE_ROWS", 500)
    monkeypatch.setattr(streaming, "COARSE_DIMENSIONS", 1)
    monkeypatch.setattr(products, "coarse_pays", lambda queries, dimensions: True)
    kinds = []
    original = screening.Screening.finish

    def finish(self, workers):
        kinds.append(type(self.products.get()).__name__)
        return original(self, workers)

    monkeypatch.setattr(screening.Screening, "finish", finish)
    found = searched(queries, [rows], eligible, own, 10, block_rows=100)
    assert found == definition(queries, rows, eligible, own, 10)
    assert kinds == ["TorchProducts"]


def test_whether_coarse_products_pay_is_measured(monkeypatch):
    monkeypatch.setattr(products, "LEAST_GAIN", 1e9)
    products.coarse_pays.cache_clear()
    assert not products.coarse_pays(3, 700)
    monkeypatch.setattr(products, "LEAST_GAIN", 1e-9)
    products.coarse_pays.cache_clear()
    assert products.coarse_pays(3, 700)
    products.coarse_pays.cache_clear()


class WrongProducts(products.TorchProducts):
    """A device that drops a product now and then."""

    def of(self, rows):
        found, norms = super().of(rows)
        found[-1, -1] *= np.float32(0.99)
        return found, norms


def test_a_device_that_multiplies_wrongly_is_not_used(monkeypatch, caplog):
    rng = np.random.default_rng(4)
    rows = rng.random((300, 8)).astype(np.float32)
    own, eligible = np.arange(2), np.ones(300, bool)
    monkeypatch.setattr(products, "TorchProducts", WrongProducts)
    with caplog.at_level(logging.WARNING):
        found = searched(rows[own], [rows], eligible, own, 20, device="cpu:0")
    assert found == definition(rows[own], rows, eligible, own, 20)
    assert "cpu:0" in caplog.text
    assert "not used" in caplog.text


@pytest.mark.parametrize("limit", [1, 7, 64])
def test_a_device_short_of_memory_takes_fewer_rows_at_a_time(monkeypatch, limit):
    taken = []
    original = products.TorchProducts._multiply

    def multiply(self, rows, into, norms):
        if len(rows) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        taken.append(len(rows))
        original(self, rows, into, norms)

    monkeypatch.setattr(products.TorchProducts, "_multiply", multiply)
    rng = np.random.default_rng(5)
    rows = rng.random((300, 8)).astype(np.float16)
    own, eligible = np.arange(2), np.ones(300, bool)
    found = searched(rows[own].astype(np.float32), [rows], eligible, own, 20, block_rows=100)
    assert found == definition(rows[own], rows, eligible, own, 20)
    assert limit // 2 < max(taken) <= limit


def test_a_device_without_any_memory_says_so(monkeypatch):
    def multiply(self, rows, into, norms):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(products.TorchProducts, "_multiply", multiply)
    rows = np.ones((30, 8), np.float16)
    with pytest.raises(torch.OutOfMemoryError):
        searched(np.ones((1, 8), np.float32), [rows], np.ones(30, bool), [-1], 2)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("kind", ["spread", "near-duplicates"])
def test_a_gpu_finds_the_same(kind, dtype, caplog):
    rng = np.random.default_rng(6)
    rows = np.maximum(rng.standard_normal((5000, 30)) @ rng.standard_normal((30, 3000)), 0)
    if kind == "near-duplicates":
        rows = 100 + rng.integers(-2, 3, size=rows.shape) * (2.0**-4)
    rows = rows.astype(dtype)
    rows[17] = np.nan
    own = np.arange(0, 400, 10)
    eligible = rng.random(5000) > 0.1
    queries = np.nan_to_num(rows[own].astype(np.float32))
    on_processor = searched(queries, [rows], eligible, own, 50)
    assert searched(queries, [rows], eligible, own, 50, device="cuda") == on_processor
    assert "not used" not in caplog.text


def test_the_number_of_threads_of_torch_is_as_before():
    before = torch.get_num_threads()
    rows = np.ones((30, 8), np.float16)
    searched(np.ones((1, 8), np.float32), [rows], np.ones(30, bool), [-1], 2)
    assert torch.get_num_threads() == before


# --- reading --------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path):
    """A shard on disk, its rows, and the mapping."""
    rows = np.random.default_rng(7).random((2000, 600)).astype(np.float16)
    path = tmp_path / "shard.npy"
    np.save(path, rows)
    return SimpleNamespace(path=path, rows=rows, mapped=np.load(path, mmap_mode="r"))


@pytest.mark.parametrize("spare", [False, True], ids=["through the cache", "past it if not there"])
@pytest.mark.parametrize("drop", [False, True], ids=["cached", "not cached"])
def test_blocks_are_read_from_the_file_behind_a_mapping(stored, monkeypatch, spare, drop):
    monkeypatch.setattr(reading, "LARGE_PART_OF_MEMORY", 0.0 if spare else 1.0)
    rows = reading.Rows([stored.mapped[3:1500], stored.mapped[1500:]], first=3)
    if drop:
        with stored.path.open("rb") as file:
            reading.os.fsync(file.fileno())
            reading.os.posix_fadvise(file.fileno(), 0, 0, reading.os.POSIX_FADV_DONTNEED)
    buffer = reading.Buffer(700 * rows.row_bytes)
    seen = []
    for place in rows.places(700):
        block = rows.read(place, buffer)
        assert block.flags.writeable, "read into the buffer, not mapped"
        seen.append((place.ordinal, block.copy()))
    assert [ordinal for ordinal, _ in seen] == [3, 703, 1403, 1500]
    np.testing.assert_array_equal(np.concatenate([block for _, block in seen]), stored.rows[3:])


@pytest.mark.parametrize("alone", [1, 10**9], ids=["one by one", "through the mapping"])
def test_single_rows_are_read_too(stored, monkeypatch, alone):
    monkeypatch.setattr(reading, "READ_ALONE", alone)
    rows = reading.Rows([stored.mapped[:5], stored.mapped[5:]], first=10)
    wanted = np.array([10, 11, 14, 15, 16, 900, 2009])
    np.testing.assert_array_equal(rows.take(wanted), stored.rows[wanted - 10])


def test_a_mapping_whose_file_is_gone_can_still_be_read(stored):
    stored.path.unlink()
    rows = reading.Rows([stored.mapped], first=0)
    (place,) = rows.places(4096)
    block = rows.read(place, reading.Buffer(rows.row_bytes * 4096))
    np.testing.assert_array_equal(block, stored.rows)
    np.testing.assert_array_equal(rows.take(np.array([0, 1999])), stored.rows[[0, 1999]])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda rows: np.array(rows), id="in memory"),
        pytest.param(lambda rows: rows[:, :300], id="some columns only"),
        pytest.param(lambda rows: rows[::2], id="every second row"),
    ],
)
def test_what_is_not_a_mapped_run_of_rows_is_taken_as_it_is(stored, change):
    shard = change(stored.mapped)
    rows = reading.Rows([shard], first=0)
    (place,) = rows.places(4096)
    np.testing.assert_array_equal(rows.read(place, reading.Buffer(0)), shard)


def test_a_private_copy_of_a_mapping_is_not_read_from_its_file(stored):
    changed = np.load(stored.path, mmap_mode="c")
    changed[0] = 1
    rows = reading.Rows([changed], first=0)
    (place,) = rows.places(4096)
    assert (rows.read(place, reading.Buffer(0))[0] == 1).all()


@pytest.mark.parametrize("device", ["cpu", ON_GPU])
def test_a_search_of_mapped_shards_equals_one_in_memory(stored, device, monkeypatch):
    monkeypatch.setattr(reading, "READ_ALONE", 1000)
    own, eligible = np.arange(0, 2000, 100), np.ones(2000, bool)
    queries = stored.rows[own].astype(np.float32)
    in_memory = searched(queries, [stored.rows], eligible, own, 40, device=device)
    assert in_memory == definition(queries, stored.rows, eligible, own, 40)
    for block_rows in (64, 900):
        shards = [stored.mapped[:777], stored.mapped[777:]]
        mapped = searched(queries, shards, eligible, own, 40, block_rows=block_rows, device=device)
        assert mapped == in_memory


def test_a_failure_while_reading_ends_the_search(stored, monkeypatch):
    def read(self, place, buffer):
        raise OSError("the disk is gone")

    monkeypatch.setattr(reading.Rows, "read", read)
    with pytest.raises(OSError, match="disk is gone"):
        searched(
            stored.rows[:2].astype(np.float32), [stored.mapped], np.ones(2000, bool), [0, 1], 5,
            block_rows=10,
        )  # fmt: skip


@pytest.mark.parametrize("memory", [10**5, 10**7, 2 * 2**30])
@pytest.mark.parametrize("queries", [1, 200, 5000])
@pytest.mark.parametrize(("dimensions", "row_bytes"), [(16, 64), (512, 2048), (25_088, 50_176)])
def test_a_plan_needs_less_than_its_memory(memory, queries, dimensions, row_bytes):
    plan = streaming.Plan.of(
        queries=queries,
        dimensions=dimensions,
        row_bytes=row_bytes,
        k=500,
        memory=memory,
        threads=4,
        block_rows=None,
    )
    blocks = plan.buffers * plan.block_rows * row_bytes
    per_query = 28 * dimensions + 64 * (plan.most + plan.block_rows)
    assert plan.block_rows >= 16
    assert plan.group >= 1
    if memory >= 10**7:
        assert blocks <= memory / 4 or plan.block_rows == 16
        assert plan.group * per_query <= memory / 2 or plan.group == 1
    if memory == 2 * 2**30 and queries == 200:
        assert plan.group == 200, "one pass over the paper's collection"
