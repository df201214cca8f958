"""Comparing the models of a process of the lake, and keeping the comparison with the models' texts.

What belongs here: the table `mining.model_comparison`. What does not: the comparison itself (`mining.evaluation`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lake.transactions import in_transaction
from mining.evaluation import MINERS, SECONDS, Evaluation, ModelComparison, compare_models
from mining.event_log import EventLog
from mining.layout import build_layout
from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from mining.conformance import Progress

TABLE = "model_comparison"
COLUMNS = (
    "rank bigint, miner varchar, noise double, is_best boolean, reason varchar, is_sound boolean, fitness double, "
    "perfectly_fitting double, precision double, precision_coverage double, f_score double, generalisation double, "
    "simplicity double, places bigint, transitions bigint, silent bigint, arcs bigint, variants_unfinished bigint, "
    "seconds double, remark varchar, pnml varchar, bpmn varchar"
)


def compare_process(
    process: str,
    *,
    miners: Sequence[str] = MINERS,
    noise: float = 0.2,
    seconds: float = SECONDS,
    progress: "Progress | None" = None,
) -> ModelComparison:
    """Compares the models of a process and replaces its rows of `mining.model_comparison`; see `compare_models`.

    Raises:
        UnknownProcessError: No such event log.
        ModelError: No such miner, or a log without cases.
    """
    build_layout(process)
    with EventLog.from_lake(process) as log:
        snapshot_id = log.snapshot_id or 0
        comparison = compare_models(log, miners=miners, noise=noise, seconds=seconds, progress=progress)
    in_transaction(lambda connection: _write(connection, process, snapshot_id, comparison))
    return comparison


def _write(connection: "duckdb.DuckDBPyConnection", process: str, snapshot_id: int, comparison: ModelComparison) -> None:
    connection.execute("create schema if not exists mining")
    connection.execute(
        f"create table if not exists mining.{TABLE} (process varchar, {COLUMNS}, computed_at timestamptz, snapshot_id bigint)"
    )
    connection.execute(f"delete from mining.{TABLE} where process = {literal(process)}")
    connection.register("compared", _table(comparison))
    names = ", ".join(column.split()[0] for column in COLUMNS.split(", "))
    connection.execute(
        f"insert into mining.{TABLE} (process, {names}, computed_at, snapshot_id) "
        f"select {literal(process)}, {names}, now(), {snapshot_id} from compared"
    )


def _table(comparison: ModelComparison) -> "pyarrow.Table":
    import pyarrow

    kinds = {"bigint": pyarrow.int64(), "varchar": pyarrow.string(), "double": pyarrow.float64(), "boolean": pyarrow.bool_()}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in (column.split() for column in COLUMNS.split(", "))])
    rows = [_row(number, one, comparison) for number, one in enumerate(comparison.evaluations, start=1)]
    return pyarrow.Table.from_pylist(rows, schema=schema)


def _row(rank: int, one: Evaluation, comparison: ModelComparison) -> dict[str, Any]:
    is_best = one.name == comparison.best
    row = figures(one) | {"rank": rank, "is_best": is_best, "reason": comparison.reason if is_best else None}
    if one.model is None:
        return row
    return row | {"noise": one.model.noise, "pnml": one.model.to_pnml(), "bpmn": one.model.to_bpmn()}


def figures(one: Evaluation) -> dict[str, Any]:
    """The figures of one model by name, as people are shown them."""
    model = one.model
    return {
        "miner": one.name,
        "is_sound": None if model is None else model.is_sound,
        "fitness": one.fitness,
        "perfectly_fitting": one.perfectly_fitting,
        "precision": one.precision,
        "precision_coverage": one.precision_coverage,
        "f_score": one.f_score,
        "generalisation": one.generalisation,
        "simplicity": one.simplicity,
        "places": None if model is None else len(model.net.places),
        "transitions": None if model is None else len(model.net.transitions),
        "silent": None if model is None else model.net.silent,
        "arcs": None if model is None else len(model.net.arcs),
        "variants_unfinished": one.variants_unfinished,
        "seconds": None if model is None else model.seconds,
        "remark": one.remark,
    }
