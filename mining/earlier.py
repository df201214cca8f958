"""What an earlier mining of a process left that can be used again: how it was mined, and its model.

What belongs here: reading that from schema `mining`. What does not: writing it (`mining.results`), its variants' alignments
(`mining.alignment_table`) and telling whether the log's rows are others now (`mining.layout`).

A model is kept while its log grows little: fitness stays comparable from day to day, and only new variants are aligned.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lake.connection import connect
from mining.alignments import OUT_OF_TIME
from mining.bpmn_reading import read_bpmn
from mining.discovery import Model
from mining.layout import current_layout
from mining.petri_net import PetriNet
from mining.process_tree import ProcessTree
from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb

MINER, NOISE = "inductive", 0.2


@dataclass(frozen=True)
class Discovery:
    """A model and the state of the log it was discovered from."""

    model: Model
    snapshot_id: int
    cases: int

    def still_serves(self, cases: int, *, growth: float) -> bool:
        """Whether the log has since grown, or shrunk, by no more than this share of its cases."""
        return abs(cases - self.cases) <= growth * self.cases


def parameters_of(process: str, *, connection: "duckdb.DuckDBPyConnection | None" = None) -> tuple[str, float]:
    """Miner and noise the process was last mined with, as a connection sees it; those of the defaults if it never was."""
    if connection is None:
        with connect(read_only=True) as own:
            return parameters_of(process, connection=own)
    asked = f"select split_part(miner, ' without ', 1), noise from mining.models where process = {literal(process)}"
    rows = _ask(connection, asked)
    return rows[0] if rows else (MINER, NOISE)


def is_mined(process: str, *, miner: str = MINER, noise: float = NOISE) -> bool:
    """Whether the process was mined this way from the very rows its event log has now, so that mining again would find the same."""
    with connect(read_only=True) as connection:
        if current_layout(connection, process) is None:
            return False
        rows = _ask(
            connection,
            f"select not exists (from mining.alignments where process = {literal(process)} and status = {literal(OUT_OF_TIME)} "
            "and is_of_process) from mining.models as m join layouts.built as b using (process) "
            f"where {_mined_this_way(process, miner, noise)} and m.snapshot_id >= b.snapshot_id",
        )
    return bool(rows and rows[0][0])


def last_discovery(connection: "duckdb.DuckDBPyConnection", process: str, *, miner: str, noise: float) -> Discovery | None:
    """The model the process has, if it was discovered with that miner and noise."""
    rows = _ask(
        connection,
        "select miner, noise, pnml, bpmn, tree, is_sound, discovered_snapshot_id, discovered_cases from mining.models "
        f"where {_mined_this_way(process, miner, noise)}",
    )
    if not rows:
        return None
    said, noise, pnml, bpmn, tree, is_sound, snapshot_id, cases = rows[0]
    made_from = None if tree is None else ProcessTree.from_json(tree)
    diagram = read_bpmn(bpmn) if tree is None else None
    model = Model(said, noise, PetriNet.from_pnml(pnml), made_from, is_sound, diagram=diagram)
    return Discovery(model, snapshot_id, cases)


def _mined_this_way(process: str, miner: str, noise: float) -> str:
    return f"process = {literal(process)} and split_part(miner, ' without ', 1) = {literal(miner)} and noise = {noise:g}"


def _ask(connection: "duckdb.DuckDBPyConnection", sql: str) -> list[Any]:
    """Rows, or none where nothing was ever mined."""
    import duckdb

    try:
        return connection.execute(sql).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):  # no table yet, or one of before a column was added
        return []
