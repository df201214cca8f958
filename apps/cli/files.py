"""`grimoire import`: an event-log file becomes a process like any other.

What belongs here: the options and what is said of the outcome. What does not: reading files (`connectors`), mining (`mining`).
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console
from connectors.lifecycle import Lifecycle

if TYPE_CHECKING:
    from connectors.event_log_files import ImportReport


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("import", rich_help_panel="Work")(import_files)


def import_files(
    files: Annotated[list[Path], typer.Argument(help="Event logs: CSV, XES, XES.gz, Parquet, OCEL 1.0/2.0 (JSON, XML, SQLite).")],
    name: Annotated[str | None, typer.Option(help="Name of the process. Default: the file's name.")] = None,
    case: Annotated[str | None, typer.Option(help="Column of the case id. Default: guessed.", metavar="COLUMN")] = None,
    activity: Annotated[str | None, typer.Option(help="Column of the activity. Default: guessed.", metavar="COLUMN")] = None,
    timestamp: Annotated[
        str | None, typer.Option(help="Column of the time of the event (its end). Default: guessed.", metavar="COLUMN")
    ] = None,
    start: Annotated[str | None, typer.Option(help="Column of the time the activity started.", metavar="COLUMN")] = None,
    resource: Annotated[str | None, typer.Option(help="Column of who did it.", metavar="COLUMN")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Delimiter of a CSV file, such as ';'. Default: guessed.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of a CSV file, such as latin-1. Default: guessed.")] = None,
    date_format: Annotated[
        str | None, typer.Option(help="Form of the times, such as '%d.%m.%Y %H:%M'. Default: guessed.", metavar="FORMAT")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="Zone of times that state none, such as Europe/Berlin. Default: UTC.", metavar="ZONE")
    ] = None,
    object_type: Annotated[
        str | None,
        typer.Option(help="Object type whose objects are the cases of an OCEL file. Default: the most sensible.", metavar="TYPE"),
    ] = None,
    lifecycle: Annotated[
        Lifecycle, typer.Option(help="Starts and completions: keep leaves every event as it is, pair makes one event of both.")
    ] = "keep",
    mine: Annotated[bool, typer.Option("--mine/--no-mine", help="Mine the process at once.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects, one per file.")] = False,
) -> None:
    """Lands event-log files in the lake and makes a process of each, mined and shown on every page.

    Examples:

    $ grimoire import orders.csv --case order_no --activity step --timestamp when

    $ grimoire import hospital.xes.gz --name hospital

    $ grimoire import rows.csv --delimiter ';' --date-format '%d.%m.%Y %H:%M' --time-zone Europe/Berlin

    $ grimoire import logs/*.xes.gz --no-mine --json

    $ grimoire import machine.xes --lifecycle pair
    """
    if name is not None and len(files) > 1:
        raise typer.BadParameter("one name cannot serve several files; import them one by one.", param_hint="--name")
    options = {
        "case": case, "activity": activity, "timestamp": timestamp, "start": start, "resource": resource, "delimiter": delimiter,
        "encoding": encoding, "date_format": date_format, "time_zone": time_zone, "object_type": object_type,
        "lifecycle": lifecycle,
    }  # fmt: skip
    given = {key: value for key, value in options.items() if value is not None}
    reports = []
    for file in files:
        reports.append(_described(_imported(file, name, given, mine=mine)))
        if not as_json:
            _tell(file, reports[-1])
    if as_json:
        console.print_json(reports)


def _imported(file: Path, name: str | None, options: dict[str, Any], *, mine: bool) -> "ImportReport":
    from connectors.event_log_files import import_event_log

    with console.progress() as progress:
        report = import_event_log(file, name=name, progress=progress, **options)
        if mine:
            from mining import mine as mine_process

            mine_process(report.process, progress=progress)
    return report


def _described(report: "ImportReport") -> dict[str, Any]:
    wanted = ("process", "cases", "events", "activities", "rows_quarantined", "seconds", "columns", "notes", "lifecycle")
    return {name: value for name, value in asdict(report).items() if name in wanted}


def _tell(file: Path, report: dict[str, Any]) -> None:
    """What came of one file, in a sentence."""
    console.out().print(
        f"{file} is process {report['process']}: {report['cases']:,} cases, {report['events']:,} events, "
        f"{report['activities']:,} activities, in {report['seconds']:.1f} s.",
        markup=False,
    )
    for note in report["notes"]:
        console.say(f"  {note}")
    if held := report["rows_quarantined"]:
        rows = "1 row was" if held == 1 else f"{held:,} rows were"
        console.say(f'  {rows} set aside; `grimoire sql "from quarantine.rows"` says why.')
