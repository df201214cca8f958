"""`grimoire series` and `anomalies`: the KPI series with what was found in them, and the actuals no forecast allowed for.

What belongs here: asking for them and showing them. What does not: preparing series and finding anomalies (`models`).
"""

from typing import Annotated, Any

import typer

from apps.cli import console

GRAINS = ("daily", "weekly", "monthly")


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command(rich_help_panel="Results")(series)
    app.command(rich_help_panel="Results")(anomalies)


def series(
    kpi: Annotated[str | None, typer.Argument(metavar="[KPI]", help="Only this KPI's series.")] = None,
    grain: Annotated[str | None, typer.Option("--grain", metavar="GRAIN", help="daily, weekly or monthly; default: all.")] = None,
    members: Annotated[bool, typer.Option("--members", help="The members of dimensions too, not only totals.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
) -> None:
    """Lists the KPI series with their length and what the preparation found in them.

    Examples:

    $ grimoire series --grain daily

    $ grimoire series orders --members --json
    """
    _check_grain(grain)
    found = [_series_row(one) for one in _series(members) if kpi in (None, one.name) and grain in (None, one.grain)]
    _check_known(kpi, found)
    if as_json:
        console.print_json(found)
        return
    shown = [
        (one["series"], one["grain"], one["member"], one["from"], one["periods"], "; ".join(one["findings"]))
        for one in found
    ]  # fmt: skip
    console.print_table(["series", "grain", "member", "from", "periods", "findings"], shown)


def anomalies(
    kpi: Annotated[str | None, typer.Argument(metavar="[KPI]", help="Only this KPI's.")] = None,
    grain: Annotated[str | None, typer.Option("--grain", metavar="GRAIN", help="daily, weekly or monthly; default: all.")] = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="How many, the newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
) -> None:
    """Lists actuals outside what was forecast, how far they are off and which member did most of it.

    Examples:

    $ grimoire anomalies --top 5

    $ grimoire anomalies orders --grain weekly --json
    """
    _check_grain(grain)
    found = _anomalies(kpi, grain, top)
    if as_json:
        console.print_json(found)
        return
    names = ("period", "series", "grain", "member", "kind", "actual", "expected", "widths", "severity", "cause_member")
    console.print_table(names, [[row[name] for name in names] for row in found])
    if not found:
        console.say("No anomaly has been found. They are looked for whenever new periods have come: `grimoire run`.")


def _series(members: bool) -> list[Any]:
    import duckdb

    from lake.connection import connect
    from lake.errors import ModelError
    from models.series_reading import read_series

    with connect(read_only=True) as connection:
        try:
            return read_series(connection, members=members)
        except duckdb.CatalogException as error:
            raise ModelError("The table products.kpis__series is not in the lake.", remedy="Run `grimoire run` first.") from error


def _series_row(one: Any) -> dict[str, Any]:
    return {
        "series": one.name, "title": one.title, "unit": one.unit, "grain": one.grain, "dimension": one.dimension,
        "member": one.member, "aggregation": one.aggregation, "from": one.start if len(one) else None, "periods": len(one),
        "missing": one.missing, "is_intermittent": one.is_intermittent, "findings": list(one.findings),
    }  # fmt: skip


def _anomalies(kpi: str | None, grain: str | None, top: int) -> list[dict[str, Any]]:
    import duckdb

    from lake.connection import connect

    with connect(read_only=True) as connection:
        try:
            found = connection.execute(
                """select * from forecasts.anomalies where coalesce(series = ?, true) and coalesce(grain = ?, true)
                   order by period desc, widths desc, series limit ?""",
                [kpi, grain, top],
            )
        except duckdb.CatalogException:
            return []
        return [dict(zip((name for name, *_ in found.description), row, strict=True)) for row in found.fetchall()]


def _check_grain(grain: str | None) -> None:
    if grain is not None and grain not in GRAINS:
        raise typer.BadParameter(f"There is no grain {grain}: daily, weekly or monthly.", param_hint="--grain")


def _check_known(kpi: str | None, found: list[dict[str, Any]]) -> None:
    from lake.errors import ModelError

    if kpi is not None and not found:
        raise ModelError(f"There is no series of {kpi}.", remedy="`grimoire series` lists them.")
