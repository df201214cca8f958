"""Whether the server's memory stays where it is while somebody clicks through all Grimoires, again and again, in real Chromium.

What belongs here: that question, on the lake GRIMOIRE_HOME names, for a bounded time. What does not: how quick pages are
(`first_paint`) and many people at once (`many_people`).
Run as `python -m bench.soak [MINUTES]`, by default three; needs Chromium. Each round is about the next process, in a session of
its own, as when somebody comes by a link; after the last process the first comes again. What the memory is after the first pass
over all of them (or, in a run too short for a second pass, after the first round) is what it is measured against.
"""

import re
import shutil
import sys
import time
from itertools import cycle
from typing import Any

import psutil

from apps.streamlit.contents import PAGES
from bench.first_paint import FILTERED, FLAGS, STILL, serving
from bench.harness import versions, write_results

MINUTES, MOST_GROWTH = 3.0, 0.25


def click_round(page: Any, *, until: float) -> int:
    """Each page once by the navigation, with a filter added and taken back on the variants; the number of clicks."""
    clicks = 0
    for entry in PAGES:
        if time.monotonic() > until:
            break
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=entry.title, exact=True).click()
        rest(page)
        clicks += 1
        if entry.name == "variants":
            clicks += filter_and_undo(page)
    return clicks


def filter_and_undo(page: Any) -> int:
    """Keeps the cases of the most frequent variant, and takes that back."""
    page.get_by_role("option", name=re.compile("^Variant 1, ")).click(timeout=60_000)
    page.get_by_role("button", name="Only these cases").click(timeout=60_000)
    page.get_by_text(FILTERED).first.wait_for(timeout=60_000)
    rest(page)
    page.get_by_role("button", name="Undo").click()
    rest(page)
    return 4


def rest(page: Any) -> None:
    """Waits until nothing runs."""
    page.wait_for_timeout(250)
    page.wait_for_function(STILL, timeout=60_000)


def memory_mb(server: psutil.Process) -> float:
    """Memory of the server and of the processes it started, in megabytes."""
    return round(sum(one.memory_info().rss for one in (server, *server.children(recursive=True))) / 1e6, 1)


def soak(minutes: float) -> dict[str, Any]:
    """Clicks for so long; memory at the start, after each round and at the end, and how many processes there are.

    The first round always runs to its end: only what comes after it can say whether memory grows.
    """
    from playwright.sync_api import sync_playwright

    from lake.connection import connect
    from lake.registry import processes

    with connect(read_only=True) as connection:
        names = [process.name for process in processes(connection)]
    with serving() as (base, server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(base)
        rest(page)
        at_start, started = memory_mb(server), time.monotonic()
        clicks, rounds, until = 0, list[float](), started + 3_600
        for name in cycle(names):
            page.goto(f"{base}/?process={name}")
            rest(page)
            clicks += click_round(page, until=until)
            rounds.append(memory_mb(server))
            print(f"{time.monotonic() - started:.0f} s, {name}: {rounds[-1]} MB", file=sys.stderr, flush=True)
            until = started + 60 * minutes
            if time.monotonic() > until:
                break
        seconds = time.monotonic() - started
        browser.close()
    figures = {"wall_seconds": round(seconds, 1), "peak_mb": max(rounds), "start_mb": at_start, "rounds_mb": rounds}
    return {**figures, "clicks": clicks, "processes": len(names)}


def main() -> None:
    """Clicks, and fails where memory goes on growing."""
    run = soak(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES)
    rounds, each = run["rounds_mb"], run["processes"]
    first, last = rounds[each - 1] if len(rounds) >= 2 * each else rounds[0], rounds[-1]
    growth = last / first - 1
    print(f"{run['clicks']} clicks in {run['wall_seconds']:.0f} s; after the first pass {growth:+.1%}")
    print(f"server's memory in MB: at the start {run['start_mb']}, after each round {rounds}")
    write_results(
        "soak",
        versions=versions("streamlit", "playwright"),
        ours={"one person clicking": run},
        growth_after_first_pass=round(growth, 3),
        bounds={"growth_after_first_pass": MOST_GROWTH},
        note="Memory of the server with its children, without the browser's: at the start, and after each round through all pages. "
        "There is no peer to compare with.",
    )
    assert len(run["rounds_mb"]) > 1, "too short for a second round: nothing is known of growth"
    assert growth <= MOST_GROWTH, f"grew by {growth:.0%} after the first pass"


if __name__ == "__main__":
    main()
