"""Comparing the models of a process of the lake, and keeping the comparison with the models' texts.

What belongs here: the table `mining.model_comparison`. What does not: the comparison itself (`mining.evaluation`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lake.transactions import in_transaction
from mining.evaluation import MINERS, SECONDS, Evaluation, ModelComparison, compare_models
from mining.event_log import EventLog
from mining.layout import build_layout
from mining.result_rows import arrow_table, replace_rows

if TYPE_CHECKING:
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
    rows = arrow_table([_row(rank, one, comparison) for rank, one in enumerate(comparison.evaluations, start=1)], COLUMNS)
    in_transaction(lambda lake: replace_rows(lake, TABLE, COLUMNS, rows, process=process, snapshot_id=snapshot_id))
    return comparison


def _row(rank: int, one: Evaluation, comparison: ModelComparison) -> dict[str, Any]:
    is_best = one.name == comparison.best
    row = figures(one) | {"rank": rank, "is_best": is_best, "reason": comparison.reason if is_best else None}
    if one.model is None:
        return row | dict.fromkeys(("noise", "pnml", "bpmn"))
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
