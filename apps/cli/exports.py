"""`grimoire export`: a process's event log becomes a file that other tools read.

What belongs here: the options and what is said of the outcome. What does not: writing files (`connectors.exports`).
"""

from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli import console
from apps.cli.asked import ProcessName, filter_stack

if TYPE_CHECKING:
    from connectors.exports.event_log import ExportReport
    from mining.filters import Filter


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("export", rich_help_panel="Work")(export)


def export(
    process: ProcessName,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file; an earlier one is replaced once the new one is whole.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="ocel-json, ocel-xml, ocel-sqlite, xes, csv or parquet. Default: by the file's ending.",
            metavar="FORMAT",
        ),
    ] = None,
    filters: Annotated[
        str, typer.Option("--filters", metavar="JSON", help="Filter stack of the cases and events to write.")
    ] = "[]",
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Writes a process's event log to a file: with its objects as OCEL 2.0, or its case view as XES, CSV or Parquet.

    Examples:

    $ grimoire export order_to_cash --output order_to_cash.jsonocel

    $ grimoire export order_to_cash --format ocel-xml --output order_to_cash.xml

    $ grimoire export sepsis --output sepsis.csv

    $ grimoire export order_to_cash --filters '[{"filter": "endpoints", "ends": ["Cancel Order"]}]' --output cancelled.jsonocel
    """
    from connectors.exports.event_log import export_event_log

    kept = filter_stack(filters, option="--filters")
    report = _export_kept(process, output, form, kept) if kept else export_event_log(process, output, format=form)
    if as_json:
        console.print_json(asdict(report))
    else:
        console.out().print(
            f"{process} is in {output} as {report.format}: {report.events:,} events of snapshot {report.snapshot_id}, "
            f"{report.bytes / 1e6:.1f} MB, in {report.seconds:.1f} s.",
            markup=False,
        )


def _export_kept(process: str, output: Path, form: str | None, filters: "list[Filter]") -> "ExportReport":
    """Writes what the filters keep, as of the snapshot the log is read at."""
    from connectors.exports.event_log import ExportReport, export_kept, format_of
    from mining import EventLog

    started, kind = monotonic(), form or format_of(output)
    with EventLog.from_lake(process) as log:
        rows, snapshot_id = log.filter(*filters).rows_sql(), log.snapshot_id or 0
        events = export_kept(log.connection, process, rows, output, format=kind)
    return ExportReport(process, kind, str(output), events, output.stat().st_size, snapshot_id, round(monotonic() - started, 3))
