"""The tables of schema `predictions`: scores, reasons, evaluations, drift.

What belongs here: their columns and replacing a process's rows. What does not: computing them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lake.own_tables import ensure_table
from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb

SCHEMA = "predictions"
COLUMNS = {
    "scores": "case_id varchar, rank bigint, activity varchar, last_event_at timestamptz, events bigint, remaining_days double, "
    "remaining_days_lower_80 double, remaining_days_upper_80 double, remaining_days_lower_95 double, "
    "remaining_days_upper_95 double, expected_end_at timestamptz, late_risk double, cancelled_risk double, reworked_risk double, "
    "risk double, next_activity varchar, next_probability double, reasons varchar, model_version varchar, mlflow_run_id varchar",
    "reasons": "case_id varchar, target varchar, rank bigint, feature varchar, value varchar, contribution double, text varchar, "
    "model_version varchar",
    "measures": "target varchar, measure varchar, value double, floor double, is_served boolean, model_version varchar",
    "earliness": "target varchar, prefix_length bigint, prefixes bigint, error double, floor_error double, model_version varchar",
    "calibration": "target varchar, bin bigint, prefixes bigint, predicted double, observed double, model_version varchar",
    "importance": "target varchar, feature varchar, mean_contribution double, share double, model_version varchar",
    "drift": "feature varchar, stability_index double, is_drift boolean, model_version varchar",
    "trainings": "model_version varchar, mlflow_run_id varchar, alias varchar, trained_until timestamptz, cases bigint, "
    "prefixes bigint, share double, reason varchar",
    "skipped": "reason varchar",
    "scored": "definition varchar, model_version varchar, code_version varchar",
}


def write_rows(
    connection: "duckdb.DuckDBPyConnection",
    table: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    process: str,
    snapshot_id: int,
    keep: bool = False,
) -> None:
    """Puts rows of a process in the place of those a table has of it.

    Args:
        connection: A connection that writes, in a transaction.
        table: Its name in schema `predictions`; it is made if it is not there.
        rows: Values by the column's name.
        process: The process.
        snapshot_id: Snapshot of the lake they were computed from.
        keep: Add them to those there are.
    """
    import pyarrow

    columns = [column.split() for column in COLUMNS[table].split(", ")]
    ensure_table(connection, f"{SCHEMA}.{table}", f"process varchar, {COLUMNS[table]}, computed_at timestamptz, snapshot_id bigint")
    if not keep:
        connection.execute(f"delete from {SCHEMA}.{table} where process = {literal(process)}")
    if not rows:
        return
    kinds = {
        "varchar": pyarrow.string(),
        "bigint": pyarrow.int64(),
        "double": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
        "timestamptz": pyarrow.timestamp("us", tz="UTC"),
    }
    batch = pyarrow.table({name: pyarrow.array([row[name] for row in rows], kinds[kind]) for name, kind in columns})
    names = ", ".join(name for name, _ in columns)
    connection.register("predicted_rows", batch)
    connection.execute(
        f"insert into {SCHEMA}.{table} (process, {names}, computed_at, snapshot_id) "
        f"select {literal(process)}, {names}, now(), {literal(snapshot_id)} from predicted_rows"
    )
    connection.unregister("predicted_rows")
