"""Take the screenshots of the docs from the running program: `make screenshots`.

    python scripts/screenshots.py [--out docs/images] [--everything FOLDER]

Starts the program in a data folder of its own with the demo study, a copy of it that programs
have judged, and looks at it as an admin and as an assessor. `--everything` takes every page at
three sizes in both themes, for looking at a change.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from tests.program import Program  # noqa: E402
from tests.services import find_chromium  # noqa: E402

DESK, TABLET, PHONE = (1440, 900), (1024, 768), (390, 844)

# Methods that need no weights, so that the picture is the same everywhere.
EXPLORED = "?image=coins/03.jpg&methods=gf,cedd,cld,ehd"
# (file name, who, address, theme)
FOR_THE_DOCS = (
    ("judge", "amina", "/judge/demo", "light"),
    ("judge-dark", "amina", "/judge/demo", "dark"),
    ("home", "amina", "/", "light"),
    ("collection", "admin", "/collections/demo", "light"),
    ("explorer", "admin", f"/collections/demo/explore{EXPLORED}", "light"),
    ("design", "admin", "/studies/demo/design", "light"),
    ("monitor", "admin", "/studies/demo-simulated/monitor", "light"),
    ("report-agreement", "admin", "/studies/demo-simulated/report/agreement", "light"),
    ("report-models", "admin", "/studies/demo-simulated/report/models", "light"),
    ("report-precision", "admin", "/studies/demo-simulated/report/precision", "light"),
    ("jobs", "admin", "/jobs", "light"),
)
EVERY_PAGE = (
    ("home-assessor", "amina", "/"),
    ("judge", "amina", "/judge/demo"),
    ("guidelines", "amina", "/judge/demo/guidelines"),
    ("account", "amina", "/account"),
    ("home-admin", "admin", "/"),
    ("collections", "admin", "/collections"),
    ("collection", "admin", "/collections/demo"),
    ("import", "admin", "/collections/demo/import"),
    ("spaces", "admin", "/collections/demo/spaces"),
    ("screening", "admin", "/collections/demo/screening"),
    ("explorer-choose", "admin", "/collections/demo/explore"),
    ("explorer", "admin", f"/collections/demo/explore{EXPLORED}"),
    ("studies", "admin", "/studies"),
    ("design", "admin", "/studies/demo/design"),
    ("monitor", "admin", "/studies/demo-simulated/monitor"),
    ("report-agreement", "admin", "/studies/demo-simulated/report/agreement"),
    ("report-models", "admin", "/studies/demo-simulated/report/models"),
    ("report-precision", "admin", "/studies/demo-simulated/report/precision"),
    ("report-people", "admin", "/studies/demo-simulated/report/people"),
    ("report-pool", "admin", "/studies/demo-simulated/report/pool"),
    ("report-release", "admin", "/studies/demo-simulated/report/release"),
    ("report-unjudged", "admin", "/studies/demo/report/agreement"),
    ("jobs", "admin", "/jobs"),
    ("people", "admin", "/people"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--everything", type=Path, help="every page, three sizes, two themes")
    options = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("Screenshots need Chromium: apt-get install chromium")
    data = Path(tempfile.mkdtemp(prefix="likeness-screens-"))
    program = Program(data)
    try:
        for command in (
            ("migrate", "--verbosity", "0"),
            ("collectstatic", "--no-input", "--verbosity", "0"),
            ("demo",),
            ("simulate_assessors", "demo", "--same", "photograph=5", "--same", "subject=3"),
        ):
            program.manage(*command)
        program.start()
        lines = (data / "demo_logins.txt").read_text(encoding="utf-8").splitlines()
        passwords = dict(line.split() for line in lines)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            if options.everything:
                take_everything(browser, program.base_url, passwords, options.everything)
            else:
                take_for_the_docs(browser, program.base_url, passwords, options.out)
            browser.close()
    finally:
        program.stop()
        shutil.rmtree(data, ignore_errors=True)


def take_for_the_docs(browser: Browser, base: str, passwords: dict[str, str], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, who, address, theme in FOR_THE_DOCS:
        page = signed_in(browser, base, who, passwords[who], size=DESK, theme=theme)
        shoot(page, base + address, out / f"{name}.png")
        page.context.close()


def take_everything(browser: Browser, base: str, passwords: dict[str, str], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for size in (DESK, TABLET, PHONE):
        for theme in ("light", "dark"):
            pages = {
                who: signed_in(browser, base, who, passwords[who], size=size, theme=theme)
                for who in ("amina", "admin")
            }
            for name, who, address in EVERY_PAGE:
                shoot(pages[who], base + address, out / f"{name}-{size[0]}-{theme}.png")
            for page in pages.values():
                page.context.close()


def signed_in(
    browser: Browser, base: str, username: str, password: str, *, size: tuple[int, int], theme: str
) -> Page:
    """A window of that size in that theme in which somebody has signed in."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"{base}/")
    page.get_by_label("Name", exact=False).first.fill(username)
    page.get_by_label("Password", exact=False).first.fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "sign-in" not in url and "login" not in url)
    return page


def shoot(page: Page, address: str, path: Path) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    if urlsplit(address).path.startswith("/judge/") and address.endswith("/demo"):
        page.keyboard.press("Enter")  # past the page that shows a new query alone
    if address.endswith(EXPLORED):
        page.locator("[data-at='0:1']").hover()  # and where the other methods have it
    page.wait_for_timeout(600)  # the last image is decoded, figures are drawn
    page.screenshot(path=path)
    sys.stderr.write(f"{path.name}\n")


if __name__ == "__main__":
    main()
