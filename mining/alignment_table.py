"""The alignments the lake keeps: one row per variant and model, with the moves, so that no variant is searched twice.

What belongs here: reading and writing `mining.alignments`. What does not: the search (`mining.alignments`).

An alignment depends on the variant's activities and on the model alone. So one found for any log of a process, filtered or not,
of this load or an earlier one, serves them all. Mining a process replaces the rows of its model; those of models that people
brought stay, because to search them again would find the same.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lake.transactions import in_transaction
from mining.alignments import BOUND_REACHED, Alignment, Trace
from mining.result_rows import arrow_table, create_table
from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from mining.conformance import Conformance
    from mining.petri_net import PetriNet
    from mining.sections import Mined

COLUMNS = (
    "model_id varchar, is_of_process boolean, activities varchar[], length integer, cost integer, fitness double, status varchar, "
    "move_kinds varchar[], move_activities varchar[]"
)
TABLES = {"alignments": COLUMNS}
_NAMES = ", ".join(part.split()[0] for part in COLUMNS.split(", "))


def tables(mined: "Mined") -> dict[str, "pyarrow.Table"]:
    """The alignments with the process's model, and those that are kept of other models."""
    import pyarrow

    rows = _rows(mined.conformance, is_of_process=True)
    kept = _ask(
        mined.log.connection,
        f"select {_NAMES} from mining.alignments where process = {literal(mined.process)} and not is_of_process "
        f"and model_id <> {literal(mined.conformance.model_id)}",
    )
    return {"alignments": rows if kept is None else pyarrow.concat_tables([rows, kept.cast(rows.schema)])}


def known_alignments(connection: "duckdb.DuckDBPyConnection", process: str, net: "PetriNet") -> Mapping[Trace, Alignment]:
    """What the lake keeps of a process's alignments with this very net, by the variants' activities."""
    asked = (
        "select activities, cost, status, move_kinds, move_activities from mining.alignments "
        f"where process = {literal(process)} and model_id = {literal(net.id)}"
    )
    table = _ask(connection, asked)
    if table is None:
        return {}
    columns = (table.column(name).to_pylist() for name in ("activities", "cost", "status", "move_kinds", "move_activities"))
    return {
        tuple(names): Alignment(cost, status, tuple(zip(kinds, moved, strict=True)))
        for names, cost, status, kinds, moved in zip(*columns, strict=True)
        if cost is not None or status == BOUND_REACHED
    }


def keep_alignments(process: str, conformance: "Conformance", *, snapshot_id: int | None) -> None:
    """Writes the alignments of a process's log with a model that is not its own, in place of those it has with that model.

    Variants that only other logs of the process have, such as filtered ones, stay.
    """
    rows = _rows(conformance, is_of_process=False)

    def work(connection: "duckdb.DuckDBPyConnection") -> None:
        create_table(connection, "alignments", COLUMNS)
        connection.register("alignments_found", rows)
        own = f"process = {literal(process)} and model_id = {literal(conformance.model_id)}"
        connection.execute(
            f"delete from mining.alignments where {own} and not is_of_process "
            "and activities in (select activities from alignments_found)"
        )
        connection.execute(
            f"insert into mining.alignments (process, {_NAMES}, computed_at, snapshot_id) select {literal(process)}, {_NAMES}, "
            f"now(), {literal(snapshot_id)} from alignments_found where activities not in "
            f"(select activities from mining.alignments where {own})"
        )
        connection.unregister("alignments_found")

    in_transaction(work)


def _rows(conformance: "Conformance", *, is_of_process: bool) -> "pyarrow.Table":
    rows = [
        {
            **{name: getattr(one, name) for name in ("length", "cost", "fitness", "status")},
            "model_id": conformance.model_id,
            "is_of_process": is_of_process,
            "activities": one.activities,
            "move_kinds": [kind for kind, _ in one.moves],
            "move_activities": [name for _, name in one.moves],
        }
        for one in conformance.variants
    ]
    return arrow_table(rows, COLUMNS)


def _ask(connection: "duckdb.DuckDBPyConnection", sql: str) -> "pyarrow.Table | None":
    """The rows, or None where no alignment was ever kept."""
    import duckdb

    try:
        return connection.sql(sql).to_arrow_table()
    except (duckdb.CatalogException, duckdb.BinderException):  # no table yet, or one of before a column was added
        return None
