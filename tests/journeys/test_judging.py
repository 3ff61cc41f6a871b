"""Judging in a real Chromium against the real program: nothing is lost, nothing jumps."""

import itertools
import json
import re

import pytest

from tests.program import ROOT, wait_for

pytestmark = pytest.mark.journey

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
CANDIDATE = "section[aria-label=Candidate] [data-visible] img"
INTRODUCTION = "text=candidates to compare with it"
# Counts what moved without being asked to, and how long from a key to the next pair's paint.
INSTRUMENTS = """
window.measured = { shifts: [], keyToPaint: [] };
new PerformanceObserver((list) => {
  for (const { value, sources } of list.getEntries())
    measured.shifts.push([value, ...sources.map(({ node, currentRect }) => [
      node?.outerHTML?.slice(0, 200), JSON.stringify(currentRect),
    ])]);
}).observe({ type: "layout-shift", buffered: true });
addEventListener("keydown", (event) => {
  if (!/^[1-5]$/.test(event.key)) return;
  const shown = () => document.querySelector("section[aria-label=Candidate] [data-visible] img");
  const before = shown()?.src;
  requestAnimationFrame(() => {
    const next = shown();
    if (!next || next.src === before || !next.complete || !next.naturalWidth) return;
    const painted = new MessageChannel();
    painted.port1.onmessage = () => measured.keyToPaint.push(performance.now() - event.timeStamp);
    painted.port2.postMessage(null);
  });
}, { capture: true });
"""
_numbers = itertools.count(1)


@pytest.fixture
def assessor(likeness_server):
    """Someone with an own open study of 3 queries with 20 candidates each: name and slug."""
    number = next(_numbers)
    name, slug = f"assessor{number}", f"study{number}"
    likeness_server.manage(
        *("shell", "-v", "0", "-c"),
        "from tests.factories.judging import seed_judging; "
        f"seed_judging({slug!r}, username={name!r})",
    )
    return name, slug


def sign_in(page, server, name):
    page.goto(server.base_url + "/sign-in")
    fill_in(page, name)


def fill_in(page, name):
    page.get_by_label("User name").fill(name)
    page.get_by_role("textbox", name="Password").fill("a long password")
    page.keyboard.press("Enter")


def start_judging(page, server, assessor):
    name, _slug = assessor
    page.add_init_script(INSTRUMENTS)
    sign_in(page, server, name)
    page.get_by_role("link", name=re.compile("Start judging|Continue judging")).wait_for()
    page.keyboard.press("Enter")
    page.locator(INTRODUCTION).wait_for()
    page.evaluate("measured.shifts.length = 0")  # from here on nothing may move
    wait_for_pair(page)


def wait_for_pair(page):
    """Until a pair can be judged; a new query's introduction is cut short."""
    page.locator(f"{CANDIDATE} >> visible=true").or_(page.locator(INTRODUCTION)).first.wait_for()
    if page.locator(INTRODUCTION).is_visible():
        page.keyboard.press("Enter")
    page.locator(CANDIDATE).wait_for()


def shown(page):
    return page.locator(CANDIDATE).get_attribute("src")


def judge(page, key):
    """Press a level and wait for the next pair."""
    before = shown(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector)?.src.endsWith(before) !== true",
        arg=[CANDIDATE, before],
    )
    wait_for_pair(page)


def history(page, server, slug):
    """What the server has of the assessor, oldest first."""
    answer = page.request.get(f"{server.base_url}/api/v1/assess/{slug}/history/?limit=500")
    assert answer.ok
    return answer.json()[::-1]


def wait_for_history(page, server, slug, n):
    wait_for(lambda: len(history(page, server, slug)) == n, what=f"{n} judgments at the server")
    return history(page, server, slug)


def test_thirty_pairs_by_keyboard(page, likeness_server, assessor, record_property):
    _name, slug = assessor
    start_judging(page, likeness_server, assessor)
    keys = [str(1 + number % 5) for number in range(30)]
    for key in keys:
        judge(page, key)

    page.get_by_text("30 of 60 judged").wait_for()
    stored = wait_for_history(page, likeness_server, slug, 30)
    assert [str(judgment["level"]) for judgment in stored] == keys
    assert len({judgment["task"]["task_id"] for judgment in stored}) == 30
    assert {judgment["revision"] for judgment in stored} == {1}

    measured = page.evaluate("measured")
    assert measured["shifts"] == []
    # All but the three presses that led to another query's introduction or were its first pair.
    assert len(measured["keyToPaint"]) >= 27
    times = sorted(measured["keyToPaint"])
    p95 = times[int(0.95 * len(times))]
    record_property("key_to_paint_p95_ms", p95)
    print(f"key to paint: median {times[len(times) // 2]:.1f} ms, p95 {p95:.1f} ms")  # noqa: T201
    assert p95 < 1000  # sanity only: `make bench` holds the budget


def test_undo_revises_and_goes_on(page, likeness_server, assessor):
    _name, slug = assessor
    start_judging(page, likeness_server, assessor)
    first = shown(page)
    judge(page, "4")
    second = shown(page)
    page.keyboard.press("Backspace")
    page.get_by_text("You said 4 Similar").wait_for()
    assert shown(page) == first
    judge(page, "2")
    assert shown(page) == second
    page.get_by_text("1 of 60 judged").wait_for()
    wait_for(
        lambda: [j["level"] for j in history(page, likeness_server, slug)] == [2],
        what="the revision",
    )
    assert history(page, likeness_server, slug)[0]["revision"] == 2

    # After a reload undo still reaches back to it; keeping it changes nothing.
    page.reload()
    wait_for_pair(page)
    page.keyboard.press("Backspace")
    page.get_by_text("You said 2 Graphically similar").wait_for()
    page.keyboard.press("Enter")
    wait_for_pair(page)
    assert shown(page) == second
    assert history(page, likeness_server, slug)[0]["revision"] == 2


def test_a_pair_that_cannot_be_judged_gets_a_reason_and_a_note(page, likeness_server, assessor):
    _name, slug = assessor
    start_judging(page, likeness_server, assessor)
    first = shown(page)
    page.keyboard.press("n")
    page.get_by_label("Note", exact=True).fill("Cut off, 1 of 2")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for(state="detached")
    assert shown(page) == first  # digits in the note are no levels
    page.keyboard.press("u")
    reason = page.get_by_role("dialog").get_by_role("button").nth(2)
    name = reason.inner_text().split("\n")[-1]
    page.keyboard.press("2")
    page.get_by_role("dialog").wait_for(state="detached")
    wait_for_pair(page)
    (judgment,) = wait_for_history(page, likeness_server, slug, 1)
    assert (judgment["level"], judgment["note"]) == (None, "Cut off, 1 of 2")
    assert judgment["unjudgeable"]
    page.keyboard.press("Backspace")
    page.get_by_text(f"You said cannot judge: {name}").wait_for()


def test_ten_judgments_without_a_connection_arrive_once(page, likeness_server, assessor):
    _name, slug = assessor
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    start_judging(page, likeness_server, assessor)
    judge(page, "1")
    wait_for_history(page, likeness_server, slug, 1)

    page.context.set_offline(True)
    for number in range(10):
        judge(page, str(1 + number % 5))
    page.get_by_text("10 unsent, will be sent when online").wait_for()

    # The page can be loaded again, but judgments still do not get through.
    page.route("**/api/v1/judgments/**", lambda route: route.abort())
    page.context.set_offline(False)
    page.reload()
    assert dialogs == ["beforeunload"]
    page.get_by_text("10 unsent, will be sent when online").wait_for()
    page.get_by_text("11 of 60 judged").wait_for()
    assert len(history(page, likeness_server, slug)) == 1

    page.unroute("**/api/v1/judgments/**")
    page.get_by_text("10 unsent, will be sent when online").click()
    stored = wait_for_history(page, likeness_server, slug, 11)
    assert [j["level"] for j in stored] == [1, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5]
    assert len({j["task"]["task_id"] for j in stored}) == 11
    page.get_by_text("unsent").wait_for(state="detached")
    wait_for_pair(page)
    assert shown(page) not in {j["task"]["candidate"]["image_url"] for j in stored}
    counted = likeness_server.manage(
        *("shell", "-v", "0", "-c"),
        "from apps.assessment.models import Judgment; "
        f"print(Judgment.objects.filter(task__assignment__query__study__slug={slug!r}).count())",
    )
    assert counted.stdout.strip() == "11"


def test_a_judgment_outlives_the_session(page, likeness_server, assessor):
    name, slug = assessor
    start_judging(page, likeness_server, assessor)
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("5")
    page.wait_for_url(f"**/sign-in?next=%2Fjudge%2F{slug}")
    fill_in(page, name)
    wait_for_pair(page)
    page.get_by_text("1 of 60 judged").wait_for()
    (judgment,) = wait_for_history(page, likeness_server, slug, 1)
    assert judgment["level"] == 5
    assert shown(page) != judgment["task"]["candidate"]["image_url"]


def test_a_closed_study_is_said_and_the_judgment_kept(page, likeness_server, assessor):
    _name, slug = assessor
    start_judging(page, likeness_server, assessor)
    likeness_server.manage(
        *("shell", "-v", "0", "-c"),
        "from apps.studies.models import Study; "
        f"Study.objects.filter(slug={slug!r}).update(state='closed')",
    )
    page.keyboard.press("3")
    page.get_by_role("button", name="1 judgment not accepted").click()
    page.get_by_role("dialog").get_by_text("This study is not open").wait_for()
    page.get_by_role("link", name="Save a copy").wait_for()
    page.get_by_role("button", name="Let go").click()
    page.get_by_text("not accepted").wait_for(state="detached")


def test_a_phone_shows_all_without_scrolling(browser, likeness_server, assessor):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    start_judging(page, likeness_server, assessor)
    query = page.locator("section[aria-label=Query]").bounding_box()
    candidate = page.locator("section[aria-label=Candidate]").bounding_box()
    assert query["y"] + query["height"] <= candidate["y"] + 2
    for level in page.locator("[data-level]").all():
        box = level.bounding_box()
        assert candidate["y"] + candidate["height"] <= box["y"]
        assert box["y"] + box["height"] <= 844
        assert box["height"] >= 44  # a thumb's width
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    before = shown(page)
    page.locator("[data-level='4']").tap()
    wait_for_pair(page)
    assert shown(page) != before
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_of_the_assessor_have_no_serious_axe_violation(
    browser, likeness_server, assessor, theme
):
    name, slug = assessor
    context = browser.new_context(color_scheme=theme, viewport={"width": 1024, "height": 768})
    page = context.new_page()
    found = {}

    def look(place):
        page.evaluate(AXE.read_text(encoding="utf-8"))
        report = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        found[place] = [
            (violation["id"], [node["target"] for node in violation["nodes"]])
            for violation in report["violations"]
            if violation["impact"] in {"serious", "critical"}
        ]

    page.goto(likeness_server.base_url + "/sign-in")
    page.get_by_label("User name").wait_for()
    look("sign-in")
    fill_in(page, name)
    page.get_by_role("link", name="Start judging").wait_for()
    look("home")
    page.keyboard.press("Enter")
    wait_for_pair(page)
    look("judge")
    page.keyboard.press("u")
    page.get_by_role("dialog").wait_for()
    page.wait_for_timeout(400)  # its fading in would count as low contrast
    look("reasons")
    page.keyboard.press("Escape")
    page.goto(f"{likeness_server.base_url}/judge/{slug}/guidelines")
    page.get_by_text("Judge what the images").first.wait_for()
    look("guidelines")
    page.goto(likeness_server.base_url + "/account")
    page.get_by_text("You have no token").wait_for()
    look("account")
    context.close()
    assert not any(found.values()), json.dumps(found, indent=1)
