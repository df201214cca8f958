"""`grimoire run` and `grimoire build`: the road, or a build, in a process of its own, watched from this one.

What belongs here: starting that process, showing its progress and outcome. What does not: the road (`orchestration.run`, which
no face imports: it speaks in lines of JSON).
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console

if TYPE_CHECKING:
    from lake.settings import Settings


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command(rich_help_panel="Work")(run)
    app.command(rich_help_panel="Work")(build)


def run(as_json: Annotated[bool, typer.Option("--json", help="Print one object with the seconds of each step.")] = False) -> None:
    """Runs the whole road once: extract, land, check, transform, mine, forecast. Only what is new is fetched.

    Examples:

    $ grimoire run

    $ grimoire demo advance --days 7 && grimoire run --json
    """
    with console.progress() as progress:
        report = run_road(progress)
    _show(report, as_json=as_json)


def build(
    domain: Annotated[
        str | None, typer.Option("--domain", metavar="NAME", help="Only what this domain owns, what that needs and what needs it.")
    ] = None,
    select: Annotated[
        str | None,
        typer.Option("--select", metavar="MODELS", help="Only these models; +model with what it needs, model+ with what needs it."),
    ] = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Even where no row has landed and no model has changed since the last build.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object with the seconds of each step.")] = False,
) -> None:
    """Builds products and event logs from the rows that have landed; nothing is fetched, mined or forecast.

    Examples:

    $ grimoire build --full-refresh

    $ grimoire build --domain sales

    $ grimoire build --select "+customers__tickets sales__orders+"
    """
    if domain is not None and select is not None:
        raise typer.BadParameter("Give a domain or models, not both.", param_hint="--select")
    options = {"domain": domain, "select": select, "full_refresh": full_refresh}
    with console.progress() as progress:
        report = run_road(progress, words=["build", json.dumps(options)])
    _show(report, as_json=as_json)


def _show(report: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        console.print_json(report)
        return
    console.print_table(["step", "seconds"], [*report["steps"].items(), ("in all", report["seconds"])])
    for check in report["failed_checks"]:
        console.say(f"A check failed: {check}")


def run_road(progress: console.Progress, *, connection: str | None = None, words: Sequence[str] = ()) -> dict[str, Any]:
    """Runs the road, or one connection's part of it, or what `words` say, and returns its report.

    Raises:
        GrimoireError: What stopped it, in the words of the step; or that its process died, with the end of its log.
    """
    from lake.settings import get_settings

    settings = get_settings()
    log = settings.folder("logs") / "road.log"
    with log.open("w") as said:
        asked = words or ["road", *([connection] if connection else [])]
        command = [sys.executable, "-m", "orchestration", *asked]
        child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=said, stdin=subprocess.DEVNULL,
            text=True, cwd=_root(), env=_environment(settings), start_new_session=True,
        )  # fmt: skip
        try:
            last = _follow(child, progress)
        finally:
            _end(child)
    return _outcome(last, child.returncode, log)


def _follow(child: "subprocess.Popen[str]", progress: console.Progress) -> dict[str, Any]:
    last: dict[str, Any] = {}
    assert child.stdout is not None  # noqa: S101 — it was asked for as a pipe
    for line in child.stdout:
        last = json.loads(line)
        if "description" in last:
            progress(last["description"], last["done"])
    child.wait()
    return last


def _end(child: "subprocess.Popen[str]") -> None:
    """Ends the road's whole process group if it still lives, because we were told to stop."""
    from apps.cli.children import end_group

    if child.poll() is None:
        end_group(child)
    if child.stdout is not None:
        child.stdout.close()


def _outcome(last: dict[str, Any], code: int, log: Path) -> dict[str, Any]:
    from apps.cli.children import tail
    from lake.errors import GrimoireError, PlatformError

    if "report" in last:
        report: dict[str, Any] = last["report"]
        return report
    if "error" in last:
        error = GrimoireError(last["error"]["problem"], remedy=last["error"]["remedy"])
        error.code = last["error"]["code"]
        raise error
    raise PlatformError(f"The run's process ended with {code}. Its log ends:\n{tail(log)}", remedy=f"The whole log is {log}.")


def _root() -> Path:
    from lake.settings import PROJECT_ROOT

    return PROJECT_ROOT


def _environment(settings: "Settings") -> dict[str, str]:
    import os

    from lake.settings import NO_TELEMETRY

    return {**os.environ, **NO_TELEMETRY}
