"""An admin screens a collection by keys in a real Chromium: panels drawn, labels, undo."""

import pytest

from tests.retrieval.compute.screening.test_panels import grid_with_gutters, texture

pytestmark = [pytest.mark.journey, pytest.mark.slow]

PASSWORD = "a long password"


@pytest.fixture
def server(likeness_server, tmp_path):
    """Four photographs and a figure of four panels, and the admin `screener`."""
    likeness_server.manage("create_user", "screener", "--role", "admin")
    likeness_server.manage(
        *("shell", "-v", "0", "-c"),
        "from apps.accounts.models import User\n"
        "user = User.objects.get(username='screener')\n"
        f"user.set_password({PASSWORD!r}); user.save()",
    )
    for number in range(4):
        texture(160, 120, seed=number).save(tmp_path / f"photo{number}.png")
    grid_with_gutters().save(tmp_path / "figure.png")
    likeness_server.manage("import_images", "mixed", str(tmp_path), "--create")
    return likeness_server


def test_panels_are_drawn_and_keys_label(page, server):
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server.base_url + "/sign-in")
    page.get_by_label("User name").fill("screener")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Collections").first.wait_for()
    page.goto(server.base_url + "/collections/mixed")
    page.get_by_role("tab", name="Screening").click()
    page.get_by_role("button", name="Find panels").click()
    page.get_by_text("All 5 images looked at.").wait_for(timeout=60_000)
    page.get_by_text("1 screened out").wait_for()

    # The figure is out, with its four panels drawn; a person says it stays in, and takes it back.
    page.goto(server.base_url + "/collections/mixed/screening?state=multipanel")
    page.get_by_text("Out: several panels, says the model.").wait_for()
    assert page.get_by_test_id("panel").count() == 4
    page.keyboard.press("b")
    assert page.get_by_test_id("panel").count() == 0
    page.keyboard.press("k")
    page.get_by_text("Takes part, you said just now.").wait_for()
    page.get_by_text("1 screened out").wait_for(state="detached")
    page.keyboard.press("u")
    page.get_by_text("Out: several panels, says the model.").wait_for()
    page.get_by_text("1 screened out").wait_for()

    # Labelled images leave the list of those to label; the labels are kept with their giver.
    page.goto(server.base_url + "/collections/mixed/screening")
    page.get_by_text("1 of 5", exact=True).wait_for()
    page.keyboard.press("i")
    page.get_by_text("2 of 5", exact=True).wait_for()
    page.keyboard.press("k")
    page.get_by_text("Labels: 1 illustration, 1 kept.").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("1 of 3", exact=True).wait_for()
    page.goto(server.base_url + "/collections/mixed/screening?state=labelled")
    page.get_by_text("Takes part, said screener just now.").wait_for()
    assert complaints == []
