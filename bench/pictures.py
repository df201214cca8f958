"""The pictures of docs/pictures: every Grimoire in light and in dark, made anew from a lake.

What belongs here: opening, framing and shrinking the pictures. What does not: what the pages show.
Run as `python -m bench.pictures` with GRIMOIRE_HOME naming a home in which the road has run; names of pages make only theirs.
Needs Chromium.
"""

import io
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from apps.streamlit.contents import FIRST, PAGES
from bench.first_paint import FLAGS, STILL, serving
from bench.harness import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "docs" / "pictures"
SCHEMES = ("light", "dark")
WIDTH, HEIGHT, MOST_BYTES = 1280, 900, 60_000
COLOURS = (128, 64, 32, 16)  # the first with which a picture is small enough
PROCESS = "order_to_cash"  # what they are about; where it is not, another is shown
# Clicked before the picture is taken, where a page shows itself better so: names of buttons.
FIRST_CLICKS = {"sql": ("Run",)}
# How far to scroll: the heading is the same on every page, what comes below is not.
SCROLLED = {"overview": 0, "variants": 230, "conformance": 150, "people": 330, "process_map": 180}


def take(browser: Any, base: str, name: str, scheme: str) -> bytes:
    """One page as it stands when nothing runs any more, as a PNG."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
    page.goto(f"{base}/{'' if name == FIRST else name}?process={PROCESS}")
    page.wait_for_selector("h1", timeout=60_000)
    rest(page)
    for label in FIRST_CLICKS.get(name, ()):
        page.get_by_role("button", name=label, exact=True).first.click()
        rest(page)
    page.evaluate("down => document.querySelector('[data-testid=stMain]').scrollTo(0, down)", SCROLLED.get(name, 0))
    page.wait_for_timeout(600)
    taken: bytes = page.screenshot()
    page.close()
    return taken


def rest(page: Any) -> None:
    """Waits until nothing runs, and charts and maps have drawn themselves."""
    page.wait_for_timeout(1_500)
    page.wait_for_function(STILL, timeout=60_000)
    page.wait_for_timeout(1_000)


def shrunk(png: bytes) -> bytes:
    """The picture with as many colours as fit into `MOST_BYTES`.

    Raises:
        ValueError: It does not fit with any number of `COLOURS`.
    """
    from PIL import Image

    whole = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in COLOURS:
        written = io.BytesIO()
        few = whole.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(written, "PNG", optimize=True)
        if written.tell() <= MOST_BYTES:
            return written.getvalue()
    raise ValueError(f"{written.tell():,} bytes with {COLOURS[-1]} colours; at most {MOST_BYTES:,} are kept in the project")


def main(names: Sequence[str]) -> None:
    """Takes the pictures of the named pages, of all where none is named."""
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with serving() as (base, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for entry in PAGES:
            for scheme in SCHEMES if not names or entry.name in names else ():
                picture = shrunk(take(browser, base, entry.name, scheme))
                (FOLDER / f"{entry.name}-{scheme}.png").write_bytes(picture)
                print(f"{entry.name}-{scheme}.png {len(picture):,} bytes")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
