"""The explorer in a real Chromium with a real worker: choose, compare, drop, use as a query."""

import pytest

from tests.factories.pictures import picture_bytes
from tests.program import ROOT, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.slow]

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD = "a long password"
DESIGN = """
name = "Ramps"
slug = "ramps"
collection = "ramps"
[[category]]
name = "Open Domain"
groups = ["CS"]
[[query]]
id = "q001"
category = "Open Domain"
image = "ramp-00.png"
"""


@pytest.fixture(scope="module")
def server(likeness_server, tmp_path_factory):
    """A collection of 24 images with two small spaces, and a draft that asks about one of them."""
    folder = tmp_path_factory.mktemp("ramps")
    for number in range(24):
        (folder / f"ramp-{number:02d}.png").write_bytes(picture_bytes(number, width=96, height=72))
    (folder / "study.toml").write_text(DESIGN)
    manage = likeness_server.manage
    manage(
        *("shell", "-v", "0", "-c"),
        "from apps.accounts.models import User\n"
        "for name, role in [('root', 'admin'), ('rosa', 'researcher')]:\n"
        f"    User.objects.create_user(name, password={PASSWORD!r}, role=role)",
    )
    manage("import_images", "ramps", str(folder), "--create")
    manage("extract_features", "ramps", "--space", "cld", "--space", "ehd")
    manage("create_study", "ramps", "--collection", "ramps", "--from", str(folder / "study.toml"))
    return likeness_server


def signed_in(page, server, name):
    page.goto(server.base_url + "/sign-in")
    page.get_by_label("User name").fill(name)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Studies").first.wait_for()
    return page


def axe(page) -> list[tuple[str, str]]:
    page.wait_for_timeout(400)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    report = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        (violation["id"], node["html"][:160])
        for violation in report["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def test_an_image_is_looked_up_compared_and_used_as_a_query(page, server):
    signed_in(page, server, "root")
    page.emulate_media(reduced_motion="reduce")
    page.goto(server.base_url + "/collections/ramps")
    page.get_by_role("button", name="ramp-07.png").first.click()
    page.get_by_role("link", name="Explore", exact=True).click()

    # Two columns, the same images linked.
    layout = page.get_by_role("region", name="Colour layout")
    edges = page.get_by_role("region", name="Edge histogram")
    layout.get_by_role("button").nth(9).wait_for()
    assert (layout.get_by_role("button").count(), edges.get_by_role("button").count()) == (10, 10)
    assert layout.get_by_role("button", name="ramp-07.png").count() == 0  # not its own result
    common = layout.get_by_role("button", name="also found by Edge histogram").first
    common.focus()
    marked = page.locator("li[data-active] button")
    assert marked.count() == 2
    page.keyboard.press("ArrowRight")
    assert edges.locator("button:focus").count() == 1
    page.get_by_text("Common results, CR@10").wait_for()

    # Deeper, and fused.
    page.get_by_text("20", exact=True).click()
    wait_for(lambda: layout.get_by_role("button").count() == 20, what="20 results")
    page.get_by_role("button", name="Fuse them").click()
    page.get_by_role("menuitem", name="Reciprocal rank fusion").click()
    fused = page.get_by_role("region", name="Reciprocal rank fusion")
    fused.get_by_role("button").nth(19).wait_for()

    bad = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        bad += [(theme, *violation) for violation in axe(page)]
    assert bad == []

    # A result is looked up in turn, then used.
    label = fused.get_by_role("button").first.text_content()
    image = label.split(": ")[1].split(",")[0]
    fused.get_by_role("button").first.click()
    page.get_by_role("complementary", name="The image").get_by_text(image).wait_for()
    page.get_by_role("button", name="Use as query").click()
    page.get_by_role("button", name="Add the query").click()
    page.get_by_text("Query q002 is added").wait_for()
    queries = page.request.get(f"{server.base_url}/api/v1/studies/ramps/queries/").json()["results"]
    assert [(query["id"], query["image"]["image_id"]) for query in queries] == [
        ("q001", "ramp-00.png"),
        ("q002", image),
    ]


def test_an_image_from_elsewhere_is_looked_up_and_used(page, server, tmp_path):
    signed_in(page, server, "root")
    mine = tmp_path / "mine.png"
    mine.write_bytes(picture_bytes(500, width=90, height=60))
    page.goto(server.base_url + "/collections/ramps/explore")
    page.get_by_role("button", name="ramp-03.png").first.wait_for()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="From the disk").click()
    chooser.value.set_files(mine)
    layout = page.get_by_role("region", name="Colour layout")
    layout.get_by_role("button").nth(9).wait_for(timeout=30_000)
    page.get_by_text("90 × 60 px, from elsewhere").wait_for()
    page.get_by_role("button", name="Use as query").click()
    page.get_by_label("Query id").fill("mine")
    page.keyboard.press("Enter")
    page.get_by_text("Query mine is added").wait_for()

    # What is no image is refused in a sentence.
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="From the disk").click()
    chooser.value.set_files(broken)
    page.get_by_text("broken.png: not a JPEG, PNG").wait_for()


def test_a_researcher_explores_but_adds_no_query(page, server):
    signed_in(page, server, "rosa")
    page.goto(server.base_url + "/studies/ramps/report/agreement")
    page.get_by_role("link", name="Explore its images").click()
    page.get_by_role("button", name="Any image").click()
    page.get_by_role("region", name="Edge histogram").get_by_role("button").nth(9).wait_for()
    assert page.get_by_role("tab").all_inner_texts() == ["Explore"]
    assert page.get_by_role("button", name="Use as query").count() == 0
