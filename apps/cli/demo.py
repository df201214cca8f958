"""`grimoire demo`: the demo company's ERP and CRM, and its clock.

What belongs here: bringing it up, moving its time, looking at it, giving it files of systems it has not. What does not: simulating
it (`connectors.demo`) and what those files hold (`connectors.well_known`).
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console

if TYPE_CHECKING:
    from connectors.demo import DemoState

app = typer.Typer(help="The demo company: a mid-size trading company with an ERP and a CRM.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print one object.")]


@app.command()
def up(
    as_json: AsJson = False, quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing of the outcome.")] = False
) -> None:
    """Makes the demo company if it is not there yet.

    Example:

    $ GRIMOIRE_DEMO_SCALE=0.1 grimoire demo up
    """
    from connectors.demo import bring_up

    with console.progress() as progress:
        state = bring_up(progress=progress)
    if not quiet:
        _show(state, as_json=as_json)


@app.command()
def advance(
    days: Annotated[int, typer.Option(min=1, max=366, help="Days to move the company's clock on.")] = 7, as_json: AsJson = False
) -> None:
    """Lets the demo company work on for some days, so that the next run has something to fetch.

    Example:

    $ grimoire demo advance --days 7 && grimoire run
    """
    from connectors.demo import advance as advance_company

    with console.progress() as progress:
        state = advance_company(days, progress=progress)
    _show(state, as_json=as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Says what time it is in the demo company and how many rows its systems hold.

    Example:

    $ grimoire demo status --json
    """
    from connectors.demo import state

    _show(state(), as_json=as_json)


@app.command()
def sources(
    folder: Annotated[Path, typer.Argument(help="A folder of exported files; those below it count, too.")], as_json: AsJson = False
) -> None:
    """Connects exported files of a service desk, an intrusion detection system, CISA's catalogue and syslog.

    The connections are called servicenow, suricata, cisa_kev and syslog, as the domains they feed expect; a run fills these.

    Example:

    $ grimoire demo sources ../shared/data && grimoire run
    """
    from connectors.well_known import connect_files

    found = connect_files(folder)
    if as_json:
        console.print_json(
            {"added": [one.name for one in found.added], "there": found.there_already, "without_files": found.without_files}
        )
        return
    for one in found.added:
        console.say(f"Added {one.name}: {one.path}")
    for name in found.there_already:
        console.say(f"{name} is there already and stays as it is.")
    for name in found.without_files:
        console.say(f"No file for {name}.")


def _show(state: "DemoState | None", *, as_json: bool) -> None:
    described: dict[str, Any] | None = asdict(state) if state is not None else None
    if as_json:
        console.print_json(described)
    elif described is None:
        console.say("There is no demo company yet; `grimoire demo up` makes it.")
    else:
        rows = described.pop("rows", {})
        console.print_table(["demo company", ""], [*described.items(), *sorted(rows.items())])
