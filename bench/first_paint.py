"""How long a person waits for each Grimoire, from asking for the address to its first paint, and for a filter; in real Chromium.

What belongs here: these questions, on the lake GRIMOIRE_HOME names (run the road there first). What does not: what the pages show,
many people at once (`many_people`) and memory over time (`soak`).
Run as `python -m bench.first_paint`; needs Chromium.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import psutil

from apps.streamlit.contents import FIRST, PAGES
from bench.harness import PROJECT_ROOT, versions, write_results

MOST_SECONDS, MOST_FILTER_SECONDS = 1.5, 1.0
FILTERED = re.compile(r"of [\d,]+ cases \(")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
HEADED = "document.querySelector('h1') !== null"
STILL = "document.querySelector('[data-testid=\"stApp\"]')?.dataset.testScriptState === 'notRunning'"


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, psutil.Process]]:
    """The Grimoires on a free port: their address and the process that serves them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "apps/streamlit/app.py", "--server.port", str(port)]
    server = subprocess.Popen([*command, "--server.headless", "true"], cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}", psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait()


def _wait_for(address: str) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=1):  # noqa: S310 — our own server
            return
        time.sleep(0.1)
    raise RuntimeError(f"{address} does not answer")


def visit(browser: Any, address: str, server: psutil.Process) -> dict[str, float]:
    """Seconds until the page has its heading and until its script has ended, and the server's CPU seconds till then."""
    page, before = browser.new_page(), _cpu(server)
    started = time.perf_counter()
    page.goto(address)
    page.wait_for_function(HEADED, timeout=60_000)
    painted = time.perf_counter() - started
    page.wait_for_function(STILL, timeout=60_000)
    done = time.perf_counter() - started
    page.close()  # a page left open goes on drawing
    return {"painted": round(painted, 2), "done": round(done, 2), "cpu_seconds": round(_cpu(server) - before, 2)}


def filter_change(browser: Any, base: str, server: psutil.Process) -> list[dict[str, float]]:
    """Seconds from *Only these cases* of three variants, one by one, until the bar counts what is left and until nothing runs."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(f"{base}/variants")
    runs = []
    for rank in (1, 2, 3):
        page.get_by_role("option", name=re.compile(rf"^Variant {rank}, ")).click(timeout=60_000)
        keep = page.get_by_role("button", name="Only these cases")
        keep.wait_for(timeout=60_000)
        page.wait_for_function(STILL, timeout=60_000)
        before, started = _cpu(server), time.perf_counter()
        keep.click()
        page.get_by_text(FILTERED).first.wait_for(timeout=60_000)
        painted = time.perf_counter() - started
        page.wait_for_function(STILL, timeout=60_000)
        done = time.perf_counter() - started
        runs.append({"painted": round(painted, 2), "done": round(done, 2), "cpu_seconds": round(_cpu(server) - before, 2)})
        page.get_by_role("button", name="Undo").click()
        page.get_by_text(FILTERED).first.wait_for(state="detached", timeout=60_000)
        page.wait_for_function(STILL, timeout=60_000)
    page.close()
    return runs


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Visits each page three times in browsers that know nothing yet, and fails where the median paint is too slow."""
    from playwright.sync_api import sync_playwright

    with serving() as (base, server), sync_playwright() as playwright:
        time.sleep(5)  # a server opens the lake before its first visitor; `grimoire up` says it serves after that
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        addresses = {entry.name: f"{base}/{'' if entry.name == FIRST else entry.name}" for entry in PAGES}
        visits = {name: [visit(browser, address, server) for _ in range(3)] for name, address in addresses.items()}
        visits["a filter on variants"] = filter_change(browser, base, server)
        browser.close()
    ours = {name: sorted(runs, key=lambda run: run["painted"])[1] | {"first": runs[0]["painted"]} for name, runs in visits.items()}
    for name, run in ours.items():
        print(
            f"{name:20} first visit {run['first']:5.2f} s   painted {run['painted']:5.2f} s   done {run['done']:5.2f} s   "
            f"server's CPU {run['cpu_seconds']:5.2f} s"
        )
    write_results(
        "first_paint",
        versions=versions("streamlit", "playwright"),
        lake=os.environ.get("GRIMOIRE_DEMO_SCALE", "1.0"),
        ours=ours,
        bounds={"painted_seconds": MOST_SECONDS, "filter_seconds": MOST_FILTER_SECONDS},
        note="Medians of three visits, each in a new page; `first` is the first of them. CPU seconds are the server's, without the "
        "browser's. There is no peer to compare with.",
    )
    slow = [name for name, run in ours.items() if run["painted"] > (MOST_SECONDS if name in addresses else MOST_FILTER_SECONDS)]
    assert not slow, f"slower than {MOST_SECONDS} s, a filter than {MOST_FILTER_SECONDS} s: {slow}"


if __name__ == "__main__":
    main()
