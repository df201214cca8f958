"""`grimoire bottlenecks`, `compare` and `drift`: where a process loses time, how two cohorts differ, when it changed.

What belongs here: asking and showing. What does not: the analyses (`mining.performance`, `mining.comparison`, `mining.drift`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console
from apps.cli.asked import ProcessName, filter_stack

if TYPE_CHECKING:
    from mining import EventLog

Filters = Annotated[str, typer.Option("--filters", metavar="JSON", help="Filter stack of the cases to look at.")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command(rich_help_panel="Ask")(bottlenecks)
    app.command(rich_help_panel="Ask")(compare)
    app.command(rich_help_panel="Ask")(drift)


def bottlenecks(
    process: ProcessName,
    filters: Filters = "[]",
    elapsed: Annotated[bool, typer.Option("--elapsed", help="Count time by the clock, not working time.")] = False,
    top: Annotated[int, typer.Option(min=1, help="Number of rows.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
) -> None:
    """Ranks the steps of a process by the working time that is lost on them in all cases together.

    Examples:

    $ grimoire bottlenecks order_to_cash

    $ grimoire bottlenecks order_to_cash --filters '[{"filter": "attribute", "column": "team", "values": ["Sales South"]}]'
    """
    from mining.calendars import WorkingCalendar
    from mining.performance import bottlenecks as ranked

    with _log(process) as (log, definition):
        calendar = None if elapsed else WorkingCalendar.from_definition(definition)
        external, agreed = definition.get("external_activities") or (), definition.get("agreed_waits") or ()
        rows = (
            ranked(log.filter(*filter_stack(filters, option="--filters")), calendar=calendar, external=external, agreed=agreed)
            .limit(top)
            .to_arrow_table()
            .to_pylist()
        )
    if as_json:
        console.print_json(rows)
        return
    hours = ("lost_seconds", "mean_lost_seconds", "median_lost_seconds", "p90_lost_seconds", "allowed_seconds", "spent_seconds")
    table = [
        [
            row["rank"],
            row["source"],
            row["target"],
            row["frequency"],
            *(_hours(row[name]) for name in hours),
            _word(row["is_external"]),
        ]
        for row in rows
    ]
    names = ("lost", "mean", "median", "p90", "allowed", "spent")
    console.print_table(["rank", "from", "to", "times", *(f"{name} h" for name in names), "others decide"], table)


def compare(
    process: ProcessName,
    a: Annotated[str, typer.Option("--a", metavar="JSON", help="Filter stack of the first cohort.")],
    b: Annotated[str, typer.Option("--b", metavar="JSON", help="Filter stack of the second; default: all cases.")] = "[]",
    step: Annotated[
        list[str] | None,
        typer.Option("--step", metavar="FROM..TO", help="Compare the time between two activities, too; may be repeated."),
    ] = None,
    level: Annotated[float, typer.Option(help="Level of significance.")] = 0.05,
    correction: Annotated[str, typer.Option(help="Correction for many tests: holm, bh or none.")] = "holm",
    every: Annotated[bool, typer.Option("--all", help="Show every measure, not only what is significant.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object with every measure.")] = False,
) -> None:
    """Puts two cohorts of a process side by side in every measure and tests whether they differ.

    Examples:

    $ grimoire compare order_to_cash --a '[{"filter": "attribute", "column": "team", "values": ["Sales South"]}]'
    --b '[{"filter": "attribute", "column": "team", "values": ["Sales South"], "mode": "forbidden"}]'
    --step 'Create Sales Order..Complete Order'
    """
    from mining.calendars import WorkingCalendar
    from mining.comparison import compare as compared

    with _log(process) as (log, definition):
        found = compared(
            log.filter(*filter_stack(a, option="--a")),
            log.filter(*filter_stack(b, option="--b")),
            steps=[_step(text) for text in step or ()],
            slas=definition.get("slas") or (),
            happy_path=definition.get("happy_path") or (),
            calendar=WorkingCalendar.from_definition(definition),
            level=level,
            correction=correction,  # type: ignore[arg-type]  # it is checked there
        )
    if as_json:
        console.print_json({**asdict(found), "measures": [asdict(one) for one in found.measures]})
        return
    shown = found.measures if every else (found.of("cases"), *found.significant)
    columns = ["measure", "of", "to", "a", "b", "effect", "corrected p"]
    console.print_table(columns, [[m.measure, m.source, m.target, m.a, m.b, _round(m.effect), m.p_adjusted] for m in shown])
    if found.shared_cases:
        console.say(f"{found.shared_cases:,} cases stand in both cohorts, for which the tests are not made.")


def drift(
    process: ProcessName,
    filters: Filters = "[]",
    level: Annotated[float, typer.Option(help="Bound on the probability of any false alarm.")] = 0.01,
    days: Annotated[float | None, typer.Option(help="Width of a window; default: by the length of the log.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects, one per change.")] = False,
) -> None:
    """Finds the moments at which a process changed, and what changed then.

    Examples:

    $ grimoire drift order_to_cash

    $ grimoire drift order_to_cash --days 7 --json
    """
    from mining.drift import changes

    with _log(process) as (log, _):
        found = changes(log.filter(*filter_stack(filters, option="--filters")), level=level, window_days=days)
    if as_json:
        console.print_json([asdict(change) for change in found])
    elif found:
        columns = ["changed", "between", "and", "what", "of", "to", "before", "after", "effect", "corrected p"]
        rows = [
            [
                *map(_day, (c.changed_at, c.earliest, c.latest)),
                *(d.kind, d.source, d.target),
                *map(_round, (d.before, d.after, d.effect)),
                d.p_value,
            ]
            for c in found
            for d in c.differences
        ]
        console.print_table(columns, rows)
    else:
        console.say("No change was found, or the log is too short to tell.")


@contextmanager
def _log(process: str) -> Iterator[tuple["EventLog", dict[str, Any]]]:
    """The event log and what the process's definition says."""
    from lake.registry import definition_of
    from mining import EventLog

    with EventLog.from_lake(process) as log:
        yield log, definition_of(log.connection, process)


def _step(text: str) -> tuple[str, str]:
    from lake.errors import DataError

    first, dots, last = text.partition("..")
    if not (dots and first and last):
        raise DataError(f"{text!r} is no step.", remedy="Write it like `Create Sales Order..Complete Order`.")
    return first, last


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 3600, 1)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _word(value: bool) -> str:
    return "yes" if value else ""


def _day(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
