import json
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from apps.retrieval import bench
from apps.retrieval.bench import base, growth, scale, words
from apps.retrieval.bench.search import search_of_512_dimensions


@pytest.mark.parametrize(
    ("value", "bound", "holds"),
    [
        pytest.param(1.1, "<= 1.1", True, id="on an upper bound"),
        pytest.param(1.2, "<= 1.1", False, id="above it"),
        pytest.param(0.9, ">= 0.95", False, id="below a lower bound"),
        pytest.param(5.0, "", None, id="nothing was promised"),
    ],
)
def test_a_bound_holds_or_not(value, bound, holds):
    assert bench.Measurement("x", value, "", bound).holds is holds


def test_the_quickest_round_counts_and_the_first_is_not_one(monkeypatch):
    clock = iter([0, 10, 14, 20, 23])  # the warm-up is not timed; then 4, then 3
    monkeypatch.setattr(base, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    assert bench.quickest({"x": lambda: None}, rounds=2) == {"x": 3}


def test_a_round_goes_there_and_back_and_the_first_is_not_one(monkeypatch):
    clock = iter(range(1000))
    order = []
    monkeypatch.setattr(base, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    times = base.in_rounds(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3
    )
    assert "".join(order) == "abba" * 4
    assert times == {"a": [1, 1, 1], "b": [1, 1, 1]}


def test_a_busy_round_does_not_move_a_ratio():
    assert base.ratio([1.0, 1.1, 50.0], [2.0, 2.2, 2.0]) == pytest.approx(0.5)


def test_the_table_is_written_for_programs_too(tmp_path, capsys):
    out = tmp_path / "bench.json"
    call_command("bench", "--quick", "--only", "descriptors", "--out", str(out))
    lines = json.loads(out.read_text())
    bounds = {line["name"].split(",")[0]: line["bound"] for line in lines}
    assert list(bounds) == ["fcth", "cedd", "ehd", "cld", "gabor", "gabor_lire", "gf"]
    assert (bounds["fcth"], bounds["gf"]) == ("<= 4.0", "")
    assert all(line["value"] > 0 for line in lines)
    assert set(lines[0]) == {"name", "value", "unit", "bound", "holds"}
    assert "cld, 512 x 384" in capsys.readouterr().out


def test_an_unknown_measurement_is_refused():
    with pytest.raises(CommandError, match="no measurement 'speed'"):
        call_command("bench", "--only", "speed")


def test_a_search_from_disk_is_measured_beside_the_machine(settings, tmp_path, monkeypatch):
    settings.DATA = tmp_path
    settings.SHARD_ROWS = 50
    monkeypatch.setattr(scale, "PAPER_ROWS", 40 * 120)
    monkeypatch.setattr(scale, "DIMENSIONS", 300)
    monkeypatch.setattr(scale, "QUERIES", 7)
    monkeypatch.setattr(scale, "BEST", 10)
    lines = {line.name: line for line in scale.search_from_disk(quick=True)}
    what = "search, top-10, 7 queries, 120 x 300 float16"
    assert lines[what].value > 0
    assert lines[f"{what}: memory / limit"].holds
    rate = lines[f"{what}: products"].value * 1e9
    assert rate * lines[what].value == pytest.approx(2 * 120 * 300 * 7)
    assert list(tmp_path.iterdir()) == [], "the vectors are removed"


def test_a_search_from_disk_is_refused_when_the_disk_is_too_small(settings, tmp_path, monkeypatch):
    settings.DATA = tmp_path
    monkeypatch.setattr(scale, "PAPER_ROWS", 10**12)
    with pytest.raises(CommandError, match=r"1,000,000,000,000 rows .* need .* GB"):
        call_command("bench", "--only", "full", "--out", str(tmp_path / "out.json"))


def test_the_exponent_of_a_growth():
    assert growth.fitted({"10": 3.0, "20": 6.0, "40": 12.0}) == pytest.approx(1)
    assert growth.fitted({"1": 1.0, "2": 4.0, "4": 16.0}) == pytest.approx(2)


@pytest.mark.slow
def test_our_search_is_compared_with_three_others():
    lines = {line.name.split(": ")[1]: line for line in search_of_512_dimensions(quick=True)}
    assert set(lines) == {"ours", "numpy", "torch", "faiss", "ours / fastest"}
    assert lines["ours / fastest"].bound == "<= 1.1"


@pytest.mark.slow
def test_cluster_words_are_learned_and_asked():
    learning, asking = words.words_of_the_papers_size(quick=True)
    assert "71 clusters of 5,000 x 192" in learning.name
    assert "200 queries, 678,347 images" in asking.name
    assert 0 < asking.value < 60
