import pytest

from apps.retrieval.compute.regions import REGIONS, regions_of


def test_a_square_map_has_the_whole_and_four_corners():
    found = regions_of(height=7, width=7)
    assert found == [(0, 0, 7), (0, 0, 4), (0, 3, 4), (3, 0, 4), (3, 3, 4)]
    assert len(found) == REGIONS


@pytest.mark.parametrize(
    ("height", "width", "number"),
    [
        # Neighbours of side 6 at distance 12 / 3 = 4 overlap by 33 %, at 12 / 4 = 3 by 50 %.
        pytest.param(6, 18, 4 + 2 * 5, id="three times as wide: three more"),
        pytest.param(18, 13, 2 + 2 * 3, id="4 : 3: one more, overlap 62 %"),
        pytest.param(10, 11, 2 + 2 * 3, id="nearly square: one more is least bad"),
    ],
)
def test_the_longer_side_has_as_many_as_overlap_by_40_percent(height, width, number):
    assert len(regions_of(height=height, width=width)) == number


@pytest.mark.parametrize("height", range(1, 20))
@pytest.mark.parametrize("width", [1, 5, 12, 19])
def test_regions_lie_inside_and_the_first_scale_covers_the_map(height, width):
    covered = set()
    for top, left, side in regions_of(height=height, width=width):
        assert side >= 1
        assert 0 <= top <= height - side
        assert 0 <= left <= width - side
        if side == min(height, width):
            covered |= {(y, x) for y in range(top, top + side) for x in range(left, left + side)}
    if max(height, width) <= 4 * min(height, width):  # MOST_EXTRA bounds what a strip gets
        assert len(covered) == height * width


def test_a_map_on_its_side_has_the_same_regions_on_their_side():
    lying = regions_of(height=5, width=13)
    assert sorted((left, top, side) for top, left, side in lying) == sorted(
        regions_of(height=13, width=5)
    )
