"""`grimoire kpi`: one figure of a process, or one per group, from an expression or by its name.

What belongs here: asking and showing. What does not: what expressions mean (`mining.kpis`) and filters (`mining.filters`).
"""

from typing import Annotated

import typer

from apps.cli import console
from apps.cli.asked import ProcessName, filter_stack


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command(rich_help_panel="Ask")(kpi)


def kpi(
    process: ProcessName,
    expression: Annotated[str, typer.Argument(help="A KPI expression, or the name of a measure.")],
    by: Annotated[
        str | None, typer.Option(help="One value per day, week, month, quarter, year, attribute or other expression of a case.")
    ] = None,
    filters: Annotated[str | None, typer.Option("--filter", help="Filter stack, as a JSON list.", metavar="JSON")] = None,
    show_sql: Annotated[bool, typer.Option("--sql", help="Print the SQL instead of running it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
) -> None:
    """Computes a KPI of a process from its event log as it is now.

    Examples:

    $ grimoire kpi order_to_cash happy_path_share --by month

    $ grimoire kpi order_to_cash "median(days(throughput(first_at('Confirm Order'), last_at('Ship Goods'))))" --by country

    $ grimoire kpi purchase_to_pay rework_share --filter '[{"filter": "endpoints", "ends": ["Clear Invoice"]}]' --json
    """
    import lake
    from lake.registry import definition_of
    from mining import EventLog
    from mining.kpis import kpi as computed
    from mining.kpis import kpi_sql

    with lake.connect(read_only=True) as connection:
        definition = definition_of(connection, process)
        log = EventLog.from_lake(process, connection=connection).filter(
            *filter_stack(filters or "[]", option="--filter", may_be_one=True)
        )
        if show_sql:
            print(kpi_sql(log, expression, by=by, definition=definition))
            return
        found = computed(log, expression, by=by, definition=definition)
        names, rows = found.columns, found.fetchall()
    if as_json:
        console.print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        console.print_table(names, rows)
