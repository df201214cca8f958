"""What an earlier mining of a process left that can be used again: how it was mined, its model, its variants' fitness.

What belongs here: reading that from schema `mining`. What does not: writing it (`mining.results`) and whether the log has
changed (`mining.layout`).

A model is kept while its log grows little: fitness stays comparable from day to day, and only new variants are aligned.
"""

from dataclasses import dataclass
from typing import Any

from lake.connection import connect
from mining.discovery import Model
from mining.petri_net import PetriNet
from mining.process_tree import ProcessTree
from mining.sql_text import literal

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


def parameters_of(process: str) -> tuple[str, float]:
    """Miner and noise the process was last mined with; those of the defaults if it never was."""
    rows = _ask(f"select split_part(miner, ' without ', 1), noise from mining.models where process = {literal(process)}")
    return rows[0] if rows else (MINER, NOISE)


def last_discovery(process: str, *, miner: str, noise: float) -> Discovery | None:
    """The model the process has, if it was discovered with that miner and noise."""
    rows = _ask(
        "select miner, noise, pnml, tree, is_sound, discovered_snapshot_id, discovered_cases from mining.models "
        f"where process = {literal(process)} and split_part(miner, ' without ', 1) = {literal(miner)} and noise = {noise:g}"
    )
    if not rows:
        return None
    said, noise, pnml, tree, is_sound, snapshot_id, cases = rows[0]
    model = Model(said, noise, PetriNet.from_pnml(pnml), ProcessTree.from_json(tree), is_sound)
    return Discovery(model, snapshot_id, cases)


def known_fitness(process: str, model: Model) -> dict[tuple[str, ...], float]:
    """Fitness of the variants that were aligned before with this very model: a new load only adds some."""
    rows = _ask(
        "select activities, fitness from mining.variants join mining.models using (process) "
        f"where process = {literal(process)} and pnml = {literal(model.to_pnml())} and fitness is not null"
    )
    return {tuple(activities): fitness for activities, fitness in rows}


def _ask(sql: str) -> list[Any]:
    """Rows, or none where nothing was ever mined."""
    import duckdb

    with connect(read_only=True) as connection:
        try:
            return connection.execute(sql).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException):  # no table yet, or one of before a column was added
            return []
