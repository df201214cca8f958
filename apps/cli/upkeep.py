"""`grimoire doctor`, `maintain`, `forget` and `reset`: is everything well, is everything tidy, and away with it.

What belongs here: asking for confirmation and showing what was found or done. What does not: checks and upkeep (`lake`) and what
a process leaves (`mining`).
"""

from dataclasses import asdict
from typing import Annotated

import typer

from apps.cli import console

COLOURS = {"ok": "green", "warning": "yellow", "error": "bold red"}


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for command in (doctor, maintain, forget, reset):
        app.command(rich_help_panel="Look after it")(command)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False) -> None:
    """Checks database, catalog, extensions, disk, ports, versions, connections and declared event logs, and says how to mend them.

    Exit code 1 if anything is an error.

    Examples:

    $ grimoire doctor

    $ grimoire doctor --json
    """
    from connectors.doctor import examine_connections, examine_event_logs
    from lake.doctor import examine

    findings = [*examine(), *examine_connections(), *examine_event_logs()]
    if as_json:
        console.print_json([asdict(finding) for finding in findings])
    else:
        out = console.out()
        for finding in findings:
            out.print(f"{finding.status:<8}", style=COLOURS[finding.status], end="")
            out.print(f"{finding.name:<12}{finding.detail}", markup=False)
            if finding.remedy:
                out.print(f"{'':<20}→ {finding.remedy}", markup=False)
    if any(finding.status == "error" for finding in findings):
        raise typer.Exit(1)


def maintain(as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False) -> None:
    """Tidies the lake's files: compacts small ones, expires old snapshots, deletes what nobody can read any more.

    Example:

    $ grimoire maintain
    """
    from lake.maintenance import maintain as maintain_lake

    with console.progress() as progress:
        report = asdict(maintain_lake(progress=progress))
    if as_json:
        console.print_json(report)
    else:
        console.print_table(["upkeep", ""], [(name.replace("_", " "), value) for name, value in report.items()])


def forget(
    process: Annotated[str, typer.Argument(help="Name of an imported process, as `grimoire processes` lists it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Forgets an imported process: its event log, what is mined from it and its rows in quarantine, all or nothing.

    Examples:

    $ grimoire forget orders

    $ grimoire forget orders --yes
    """
    import lake
    from mining import forget_process
    from mining.forgetting import forgettable

    with lake.connect(read_only=True) as connection:
        known = forgettable(connection, process)
    if not yes and not typer.confirm(f"Forget {known.name} ({known.title}) and all that is mined from it?", err=True):
        console.say("Nothing was forgotten.")
        raise typer.Exit(1)
    gone = forget_process(process)
    if as_json:
        console.print_json(asdict(gone))
    else:
        console.say(
            f"Forgot {gone.process}: {gone.cases:,} cases, {gone.events:,} events, {gone.rows_quarantined:,} rows set aside."
        )


def reset(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Deletes every piece of Grimoire's state: lake, databases, demo company, models, logs. Your own files stay.

    Examples:

    $ grimoire reset

    $ grimoire reset --yes
    """
    from lake.reset import plan_reset, reset_home
    from lake.settings import get_settings

    settings = get_settings()
    planned = plan_reset(settings)
    if not planned.folders and not planned.databases:
        console.say(f"There is nothing of Grimoire's in {settings.home}.")
        return
    for line in (*planned.folders, *planned.databases):
        console.say(f"  {line}")
    if not yes and not typer.confirm("Delete all of this for good?", err=True):
        console.say("Nothing was deleted.")
        raise typer.Exit(1)
    for line in reset_home(settings):
        console.say(line)
