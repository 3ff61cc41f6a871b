"""Panels of images drawn by hand: what is cut, what is not, and where."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from apps.retrieval.compute.screening import panels, separators
from apps.retrieval.compute.screening.panels import find_panels

WHITE = (255, 255, 255)


def as_jpeg(image: Image.Image) -> np.ndarray:
    """With the noise that real files have."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file))


def texture(width: int, height: int, *, seed: int, light: float = 110) -> Image.Image:
    """Something like a photograph: soft noise that is different at every place."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(light, 45, (height // 10 + 1, width // 10 + 1, 3)).clip(0, 255)
    soft = Image.fromarray(coarse.astype(np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    fine = np.asarray(soft, dtype=np.float64) + rng.normal(0, 9, (height, width, 3))
    return Image.fromarray(fine.clip(0, 255).astype(np.uint8))


def in_order(boxes):
    """Row by row; a JPEG's blocks of 8 pixels blur where exactly a panel begins."""
    return np.array(sorted(boxes, key=lambda box: (round(box[1], 1), round(box[0], 1))))


def grid_with_gutters() -> Image.Image:
    sheet = Image.new("RGB", (300, 220), WHITE)
    for number, place in enumerate([(0, 0), (155, 0), (0, 115), (155, 115)]):
        sheet.paste(texture(145, 105, seed=number), place)
    return sheet


def touching() -> Image.Image:
    """Two photographs side by side, no gutter: only the edge between them."""
    sheet = Image.new("RGB", (300, 150))
    sheet.paste(texture(140, 150, seed=1, light=60), (0, 0))
    sheet.paste(texture(160, 150, seed=2, light=190), (140, 0))
    return sheet


def charts_beside_each_other() -> Image.Image:
    sheet = Image.new("RGB", (320, 140), WHITE)
    draw = ImageDraw.Draw(sheet)
    for left in (25, 190):
        draw.rectangle((left, 15, left + 120, 115), outline=(0, 0, 0))
        points = [(left + 6 * i, 110 - (i * i) % 90) for i in range(20)]
        draw.line(points, fill=(30, 90, 200), width=2)
        draw.text((left + 40, 120), "epochs", fill=(0, 0, 0))
        draw.text((left - 20, 60), "0.5", fill=(0, 0, 0))
    return sheet


def bordered() -> Image.Image:
    sheet = Image.new("RGB", (260, 200), WHITE)
    sheet.paste((20, 20, 20), (10, 10, 250, 190))
    sheet.paste(texture(228, 168, seed=4), (16, 16))
    return sheet


def horizon() -> Image.Image:
    """Sky above, ground below, and a hill so that the line is not ruled."""
    rng = np.random.default_rng(8)
    rows, columns = np.mgrid[:200, :300]
    sky = np.stack([150 + rows * 0.2, 180 + rows * 0.2, 235 + 0 * rows], axis=2)
    ground = np.asarray(texture(300, 200, seed=9, light=80), dtype=np.float64)
    line = 110 + 6 * np.sin(columns / 30) - 25 * np.exp(-(((columns - 200) / 40.0) ** 2))
    photo = np.where((rows < line)[:, :, None], sky, ground) + rng.normal(0, 2, (200, 300, 3))
    return Image.fromarray(photo.clip(0, 255).astype(np.uint8))


def chart_with_white_gaps() -> Image.Image:
    """Bars far apart over one axis, a title and a legend: white gaps, but one panel."""
    sheet = Image.new("RGB", (300, 220), WHITE)
    draw = ImageDraw.Draw(sheet)
    draw.text((90, 4), "Cars per country", fill=(0, 0, 0))
    draw.line((40, 25, 40, 190), fill=(0, 0, 0))
    draw.line((40, 190, 225, 190), fill=(0, 0, 0))
    for number, height in enumerate((150, 60, 110)):
        left = 60 + 55 * number
        draw.rectangle((left, 190 - height, left + 25, 190), fill=(70, 120, 170))
        draw.text((left, 195), "ABC"[number], fill=(0, 0, 0))
    for number in range(3):
        draw.rectangle((250, 40 + 14 * number, 258, 48 + 14 * number), fill=(200, 60 * number, 0))
        draw.text((264, 38 + 14 * number), "xyz"[number], fill=(0, 0, 0))
    return sheet


@pytest.mark.parametrize(
    ("draw", "count"),
    [
        pytest.param(grid_with_gutters, 4, id="a grid of photographs with white gutters"),
        pytest.param(touching, 2, id="touching photographs: only an edge"),
        pytest.param(charts_beside_each_other, 2, id="two charts with axis labels"),
        pytest.param(bordered, 1, id="one photograph in a frame"),
        pytest.param(horizon, 1, id="a photograph with a horizon"),
        pytest.param(chart_with_white_gaps, 1, id="a bar chart with gaps, title and legend"),
        pytest.param(lambda: texture(300, 200, seed=3), 1, id="a photograph"),
        pytest.param(lambda: Image.new("RGB", (200, 100), WHITE), 1, id="an empty page"),
        pytest.param(lambda: Image.new("RGB", (1, 1), WHITE), 1, id="one pixel"),
        pytest.param(lambda: texture(400, 3, seed=3), 1, id="a strip of three rows"),
    ],
)
def test_panels_are_counted(draw, count):
    found = find_panels(image=as_jpeg(draw()))
    assert (found.count, found.score >= 0.5) == (count, count > 1)


def test_boxes_hold_the_panels_and_leave_the_gutters():
    boxes = find_panels(image=as_jpeg(grid_with_gutters())).boxes
    expected = [
        (left / 300, top / 220, 145 / 300, 105 / 220)
        for left, top in [(0, 0), (155, 0), (0, 115), (155, 115)]
    ]
    assert np.allclose(in_order(boxes), in_order(expected), atol=0.02)


def test_labels_of_a_panel_are_in_its_box():
    left, right = sorted(find_panels(image=as_jpeg(charts_beside_each_other())).boxes)
    assert left[0] <= 5 / 320 + 0.01  # its numbers begin there
    assert left[0] + left[2] < right[0]
    assert right[0] <= 170 / 320 + 0.01


def test_one_panel_is_the_whole_image():
    assert find_panels(image=as_jpeg(bordered())).boxes == ((0.0, 0.0, 1.0, 1.0),)


def test_the_edge_between_touching_photographs_is_found_where_it_is():
    root = separators.cut(image=as_jpeg(touching()))
    assert [piece.region[2] for piece in root.children] == [0, pytest.approx(140, abs=1)]
    assert root.gaps == [0]


def test_large_images_are_looked_at_small_and_boxes_are_shares():
    large = grid_with_gutters().resize((1500, 1100), Image.Resampling.BICUBIC)
    small = find_panels(image=as_jpeg(grid_with_gutters()))
    found = find_panels(image=as_jpeg(large))
    assert found.count == small.count
    assert np.allclose(in_order(found.boxes), in_order(small.boxes), atol=0.02)


def test_turning_an_image_turns_its_panels():
    image = as_jpeg(grid_with_gutters())
    turned = find_panels(image=np.ascontiguousarray(image.transpose(1, 0, 2)))
    boxes = [(top, left, height, width) for left, top, width, height in turned.boxes]
    assert np.allclose(in_order(boxes), in_order(find_panels(image=image).boxes), atol=0.01)


def test_the_decision_has_a_coefficient_for_every_feature():
    image = as_jpeg(grid_with_gutters())
    features = panels.features_of(root=separators.cut(image=image), image=image)
    assert len(features) == len(panels.FEATURES) == len(panels.decision.WEIGHTS)


def test_an_image_that_is_not_cut_has_no_probability_of_several_panels():
    assert panels.probability(np.zeros(len(panels.FEATURES))) == 0.0
