"""`grimoire doctor`, `maintain` and `reset`: is everything well, is everything tidy, and away with it.

What belongs here: asking for confirmation and showing what was found or done. What does not: checks and upkeep (`lake`).
"""

from dataclasses import asdict
from typing import Annotated

import typer

from apps.cli import console

COLOURS = {"ok": "green", "warning": "yellow", "error": "bold red"}


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for command in (doctor, maintain, reset):
        app.command(rich_help_panel="Look after it")(command)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False) -> None:
    """Checks database, catalog, extensions, disk, ports and versions, and says how to mend what is wrong.

    Exit code 1 if anything is an error.

    Examples:

    $ grimoire doctor

    $ grimoire doctor --json
    """
    from lake.doctor import examine

    findings = examine()
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
