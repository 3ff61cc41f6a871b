"""An admin's way through the pages in a real Chromium: from a folder of images to a report."""

import os
import re
import signal

import pytest

from apps.config.demo import photographs
from tests.factories.pictures import picture_bytes
from tests.program import ROOT, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.slow]

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD = "a long password"
# A function, not an expression: the page's policy forbids to evaluate strings.
RESTING = """() => document.getAnimations().every((animation) =>
    animation.playState !== "running" || animation.effect.getTiming().iterations === Infinity)"""
SUBJECTS = ("retina", "ihc", "coins", "chelsea")
PER_SUBJECT = 10


@pytest.fixture(scope="module")
def server(likeness_server):
    """With an admin and two assessors of different expertise."""
    people = [
        ("root", "admin", []),
        ("mira", "assessor", ["--group", "MD"]),
        ("omar", "assessor", ["--group", "CS"]),
    ]
    for name, role, groups in people:
        likeness_server.manage("create_user", name, "--role", role, *groups)
    likeness_server.manage(
        *("shell", "-v", "0", "-c"),
        "from apps.accounts.models import User\n"
        "for user in User.objects.all():\n"
        f"    user.set_password({PASSWORD!r}); user.save()",
    )
    return likeness_server


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """40 details of real photographs, one of them twice, and a file that is no image."""
    everything = tmp_path_factory.mktemp("everything")
    photographs.cut_details(everything)
    chosen = tmp_path_factory.mktemp("chosen") / "details"
    for subject in SUBJECTS:
        (chosen / subject).mkdir(parents=True)
        for number in range(PER_SUBJECT):
            name = f"{subject}/{number:02d}.jpg"
            (chosen / name).write_bytes((everything / name).read_bytes())
    (chosen / "twice.jpg").write_bytes((chosen / "coins" / "00.jpg").read_bytes())
    (chosen / "broken.jpg").write_bytes(b"not an image")
    (chosen / "notes.txt").write_text("left out")
    return chosen


@pytest.fixture
def admin(page, server):
    """A page of the admin's; what the browser complains about fails the test."""
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: message.type == "error" and complaints.append(message.text),
    )
    page.complaints = complaints
    page.goto(server.base_url + "/sign-in")
    page.get_by_label("User name").fill("root")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Collections").first.wait_for()
    yield page
    assert complaints == []


def new_collection(page, server, name):
    page.goto(server.base_url + "/collections")
    page.get_by_role("button", name="New collection").first.click()
    page.get_by_label("Name").fill(name)
    page.keyboard.press("Enter")
    page.wait_for_url("**/import")


def choose_folder(page, folder):
    page.locator("input[webkitdirectory]").set_input_files(folder)
    page.get_by_text("42 images").wait_for()


def pick_queries(page, *, category, search, n):
    page.get_by_role("combobox", name="Add to").click()
    page.get_by_role("option", name=category).click()
    page.get_by_label("Search the collection").fill(search)
    grid = page.get_by_role("group", name="Images")
    grid.get_by_role("button", name=f"{search}/00.jpg").wait_for()
    for number in range(n):
        grid.get_by_role("button", name=f"{search}/{number:02d}.jpg").click()


def test_from_a_folder_to_a_launched_study(admin, server, folder):
    page = admin
    new_collection(page, server, "Details")
    choose_folder(page, folder)
    page.get_by_text("1 other file is left out").wait_for()
    page.keyboard.press("Enter")  # the button is focused
    page.get_by_text("40 images imported, 1 already here, 1 rejected").wait_for(timeout=60_000)
    page.get_by_role("button", name="1 rejected").click()
    page.get_by_role("cell", name="broken.jpg").wait_for()
    page.get_by_role("button", name="1 already here").click()
    page.get_by_role("cell", name="coins/00.jpg").or_(
        page.get_by_role("cell", name="twice.jpg")
    ).first.wait_for()

    # Screening by hand, and its undo.
    page.get_by_role("tab", name="Images").click()
    page.get_by_text("40 images", exact=True).first.wait_for()
    page.get_by_role("checkbox", name="Select chelsea/00.jpg").check()
    page.get_by_role("button", name="Screen out", exact=True).click()
    page.get_by_text("1 screened out").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("1 screened out").wait_for(state="detached")

    page.get_by_role("tab", name="Feature spaces").click()
    page.get_by_role("button", name=re.compile("^Compute ")).click()
    page.get_by_text("Every space that this machine can compute is ready").or_(
        page.get_by_text("Every space is ready")
    ).wait_for(timeout=60_000)

    page.get_by_role("link", name="Studies").first.click()
    page.get_by_role("button", name="New study").first.click()
    page.get_by_label("Name").fill("Body and coins")
    page.keyboard.press("Enter")
    page.wait_for_url("**/design**")
    page.get_by_text("Add at least one category.").first.wait_for()
    for name in ("Medical (Open)", "Open Domain"):
        page.get_by_label("New category").fill(name)
        page.keyboard.press("Enter")
    for number, group in enumerate(("MD", "CS")):
        page.locator("input.mantine-MultiSelect-inputField").nth(number).click()
        page.get_by_role("option", name=f"{group} (1 person)").click()
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Continue to queries").click()
    pick_queries(page, category="Medical (Open)", search="retina", n=2)
    pick_queries(page, category="Open Domain", search="coins", n=3)
    outside = {"name": "own.png", "mimeType": "image/png", "buffer": picture_bytes(7)}
    page.locator("input[type=file]").first.set_input_files(outside)
    page.get_by_text("4 queries").wait_for()
    page.get_by_role("button", name="Continue to methods").click()
    page.get_by_label("Pool depth").fill("5")
    fusions = page.get_by_role("region", name="Fusions")
    for title in ("Colour layout", "Edge histogram"):
        fusions.get_by_role("checkbox", name=title).check()
    fusions.get_by_role("button", name="Add this fusion").click()
    fusions.get_by_text("Reciprocal rank fusion of Colour layout + Edge histogram").wait_for()
    page.get_by_text("Saved").wait_for()

    # The design is the server's: a fresh page goes on where this one was.
    page.reload()
    assert page.get_by_label("Pool depth").input_value() == "5"
    page.get_by_role("button", name="Continue to pools").click()
    page.get_by_role("button", name="Build the pools").click()
    page.get_by_text("for 6 queries at depth 5").wait_for(timeout=60_000)
    page.get_by_role("button", name="Continue to plan").click()
    page.get_by_role("cell", name="mira").wait_for()
    page.get_by_role("button", name="Launch the study").click()
    page.get_by_role("button", name="Launch", exact=True).click()
    page.wait_for_url("**/monitor", timeout=60_000)
    page.get_by_role("cell", name="omar").wait_for()

    page.get_by_role("tab", name="Design").click()
    page.get_by_text("its design is fixed").wait_for()
    study = page.request.get(f"{server.base_url}/api/v1/studies/body-and-coins/").json()
    assert (study["state"], study["n_queries"], study["depth"]) == ("open", 6, 5)
    assert study["n_judgments_planned"] >= study["n_pairs"] > 0
    assert "rrf(cld+ehd)" in study["methods"]

    # A run from elsewhere joins the study that is being judged.
    page.goto(f"{server.base_url}/studies/body-and-coins/design?step=pools")
    lines = [f"q001 Q0 chelsea/{n:02d}.jpg 1 {9 - n} other\n" for n in range(1, 4)]
    run = {"name": "a.run", "mimeType": "text/plain", "buffer": "".join(lines).encode()}
    runs = page.get_by_role("region", name="Runs from elsewhere")
    runs.locator("input[type=file]").set_input_files(run)
    page.get_by_text("are new in the pools").wait_for()
    page.get_by_role("button", name="Add the run").click()
    runs.get_by_role("cell", name="a.run").wait_for()
    grown = page.request.get(f"{server.base_url}/api/v1/studies/body-and-coins/").json()
    assert grown["methods"][-1] == "other"
    assert grown["n_judgments_planned"] > study["n_judgments_planned"]


def test_an_upload_goes_on_after_the_connection_was_lost(page, server, folder):
    page.goto(server.base_url + "/sign-in")
    page.get_by_label("User name").fill("root")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Collections").first.wait_for()
    new_collection(page, server, "Interrupted")
    choose_folder(page, folder)
    lost = []
    page.route("**/imports/*/files/", lambda route: (lost.append(1), route.abort()))
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("The upload has stopped").wait_for(timeout=30_000)
    assert len(lost) == 4  # tried again on its own first
    page.unroute("**/imports/*/files/")
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("40 images imported, 1 already here, 1 rejected").wait_for(timeout=60_000)


PAGES = [
    ("/collections", "Details"),
    ("/collections/details", "40 images"),
    ("/collections/details?at=1", "Image after"),
    ("/collections/details/import", "Drop images"),
    ("/collections/details/spaces", "Edge histogram"),
    ("/studies", "Body and coins"),
    ("/studies/body-and-coins/design?step=categories", "Guidelines"),
    ("/studies/body-and-coins/design?step=queries", "4 queries"),
    ("/studies/body-and-coins/design?step=methods", "Pool depth"),
    ("/studies/body-and-coins/design?step=pools", "By query"),
    ("/studies/body-and-coins/design?step=plan", "By assessor"),
    ("/studies/body-and-coins/monitor", "Assessors"),
    ("/studies/body-and-coins-simulated/report/agreement", "Rating pairs"),
    ("/studies/body-and-coins-simulated/report/models", "Common results at"),
    ("/studies/body-and-coins-simulated/report/precision", "P@5"),
    ("/studies/body-and-coins-simulated/report/people", "Section"),
    ("/studies/body-and-coins-simulated/report/pool", "Found by no other"),
    ("/studies/body-and-coins-simulated/report/release", "Make a release"),
    ("/people", "Last signed in"),
    ("/jobs", "Import into Details"),
    ("/jobs/1", "Parts"),
]


@pytest.fixture(scope="module")
def simulated(server):
    """What the first test launched, judged by programs."""
    server.manage("simulate_assessors", "body-and-coins", "--assessors-per-group", "2")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_of_the_admin_have_no_serious_axe_violation(admin, server, simulated, theme):
    page = admin
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    bad = []
    for address, words in PAGES:
        page.goto(server.base_url + address)
        page.get_by_text(words).or_(page.get_by_label(words)).first.wait_for()
        # What is half faded in has the contrast of half its colour.
        page.wait_for_function(RESTING)
        page.wait_for_timeout(500)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        report = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        bad += [
            (address, violation["id"], node["html"][:160])
            for violation in report["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]
    assert bad == []


def test_figures_are_drawn_under_the_content_security_policy(admin, server, simulated):
    page = admin
    for section, title in [("agreement", "How often"), ("precision", "How many of the first")]:
        page.goto(f"{server.base_url}/studies/body-and-coins-simulated/report/{section}")
        page.get_by_role("img", name=re.compile(title)).wait_for()
    page.get_by_text("Simulated: programs gave these judgments").wait_for()

    # Every way to take a figure away answers.
    page.get_by_role("button", name=re.compile("Download the figure")).click()
    for link in page.get_by_role("menuitem").all():
        answer = page.request.get(server.base_url + link.get_attribute("href"))
        assert answer.ok
        assert answer.body()


def test_a_release_is_made_and_downloaded(admin, server, simulated):
    page = admin
    page.goto(f"{server.base_url}/studies/body-and-coins-simulated/report/release")
    page.get_by_role("button", name="Make a release").click()
    link = page.get_by_role("link", name="Download")
    link.wait_for(timeout=90_000)
    answer = page.request.get(server.base_url + link.get_attribute("href"))
    assert answer.body()[:2] == b"PK"


def test_an_invitation_is_shown_once_and_opens(admin, server, browser):
    page = admin
    page.goto(server.base_url + "/people")
    page.get_by_role("button", name="Invite").click()
    page.get_by_label("Note").fill("Dr. Sato")
    page.keyboard.press("Enter")
    link = page.get_by_label("Invitation link").input_value()
    page.get_by_role("button", name="Done").click()
    page.get_by_role("tab", name="Invitations").click()
    page.get_by_role("cell", name="Dr. Sato").wait_for()
    assert link not in page.content()

    guest = browser.new_page()
    guest.goto(link)
    guest.get_by_role("heading", name="Make your account").wait_for()
    guest.close()


def test_no_worker_is_said_within_ten_seconds(admin, server):
    """The workers are stopped, not killed: the supervisor does not start others."""
    workers = [pid for pid, command in server.children().items() if "apps.config worker" in command]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        admin.goto(server.base_url + "/jobs")
        said = admin.get_by_text("No worker is alive: nothing will move until one starts")
        said.wait_for(timeout=30_000)  # 9 s (see test_repository.py), and a busy machine
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    wait_for(lambda: said.count() == 0, timeout=20, what="the worker's return")
