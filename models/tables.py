"""The tables of schema `forecasts`: back-tests, forecasts, champions.

What belongs here: their columns and writing them, all in the caller's transaction. What does not: computing what is written.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lake.journal import insert_rows
from lake.own_tables import ensure_table
from models.series import Series

if TYPE_CHECKING:
    import duckdb

COLUMNS = {
    "backtests": """series varchar, grain varchar, model varchar, window_start date, horizon integer, mase double, smape double,
        coverage_80 double, coverage_95 double, computed_at timestamptz, snapshot_id bigint, kpi varchar, dimension varchar,
        member varchar""",
    "forecasts": """series varchar, title varchar, unit varchar, grain varchar, period date, value double, lower_80 double,
        upper_80 double, lower_95 double, upper_95 double, model varchar, model_version varchar, mlflow_run_id varchar,
        computed_at timestamptz, snapshot_id bigint, kpi varchar, dimension varchar, member varchar, step varchar,
        steps_ahead integer, interval_basis varchar, is_reconciled boolean, trained_snapshot_id bigint, made_from varchar""",
    "champions": """series varchar, grain varchar, champion varchar, challenger varchar, champion_mase double,
        challenger_mase double, promoted_at timestamptz, snapshot_id bigint, mlflow_run_id varchar, kpi varchar, dimension varchar,
        member varchar, floor_mase double, coverage_80 double, coverage_95 double, interval_basis varchar, reason varchar,
        untried varchar, model_version varchar, code_version varchar""",
    "skipped": """series varchar, grain varchar, reason varchar, computed_at timestamptz, snapshot_id bigint, kpi varchar,
        dimension varchar, member varchar""",
}


def label(series: Series) -> str:
    """What the tables call a series: its KPI's name, for a member with dimension and member behind it."""
    return series.key.removeprefix(f"{series.grain}_")


def ensure_tables(connection: "duckdb.DuckDBPyConnection") -> None:
    """Makes the schema and its tables where they are not there yet, and columns that tables of earlier versions lack."""
    for table, columns in COLUMNS.items():
        ensure_table(connection, f"forecasts.{table}", columns)


def replace_rows(
    connection: "duckdb.DuckDBPyConnection", table: str, *, series: Iterable[tuple[str, str]], rows: Sequence[Sequence[Any]]
) -> None:
    """Puts `rows` in the place of whatever the table holds of the named (series, grain)."""
    names = sorted(set(series))
    if names:
        keys = ", ".join("(?, ?)" for _ in names)
        connection.execute(
            f"delete from forecasts.{table} where (series, grain) in ({keys})", [word for name in names for word in name]
        )
    insert_rows(connection, f"forecasts.{table}", rows)
