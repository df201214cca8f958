"""Mining a process: its layout, its figures, its model and how well that fits, written to schema `mining` of the lake.

What belongs here: what is computed per process, the result tables and their replacement as one. What does not: how anything
is computed.

The log is read at one snapshot of the lake, whose id every row carries; computing may take minutes and holds no transaction.
All rows of a process are replaced in one transaction, so that nobody sees figures of one log beside a model of another.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from connectors.log_quality import LogVerdict, inspect_log, record_verdict
from lake.registry import definition_of, processes
from lake.settings import get_settings
from lake.transactions import in_transaction
from mining import kernels
from mining.conformance import SECONDS, Conformance, align
from mining.discovery import Model, discover
from mining.earlier import MINER, NOISE, Discovery, last_discovery
from mining.event_log import EventLog
from mining.flattening import COLUMNS as FLATTENING
from mining.flattening import flattening
from mining.layout import build_layout
from mining.result_rows import arrow_table, replace_rows
from mining.sections import Mined, columns_of_sections, tables_of_sections

if TYPE_CHECKING:
    import duckdb
    import pyarrow

Progress = Callable[[str, float], None]

COLUMNS = {
    "logs": "cases bigint, events bigint, activities bigint, variants bigint, dfg_edges bigint, first_event timestamptz, "
    "last_event timestamptz, mean_case_seconds double, median_case_seconds double, p90_case_seconds double",
    "dfg": "source varchar, target varchar, frequency bigint, cases bigint, mean_seconds double, median_seconds double, "
    "p90_seconds double",
    "activities": "activity varchar, events bigint, cases bigint, starts bigint, ends bigint",
    "variants": "variant_id integer, rank bigint, activities varchar[], length bigint, cases bigint, share double, "
    "cumulative_share double, mean_seconds double, median_seconds double, fitness double, is_fitting boolean",
    "throughput": "period date, started bigint, completed bigint, open_cases bigint",
    "flattening": FLATTENING,
    "models": "miner varchar, noise double, places bigint, transitions bigint, silent bigint, arcs bigint, is_sound boolean, "
    "average_fitness double, perfectly_fitting double, variants_aligned bigint, variants_unfinished bigint, pnml varchar, "
    "bpmn varchar, tree varchar, discovered_snapshot_id bigint, discovered_cases bigint, seconds double",
}


@dataclass(frozen=True)
class MinedResult:
    """What mining a process found, in the figures of its model and log."""

    process: str
    snapshot_id: int
    cases: int
    events: int
    activities: int
    variants: int
    dfg_edges: int
    miner: str
    noise: float
    places: int
    transitions: int
    silent: int
    arcs: int
    is_sound: bool | None
    average_fitness: float | None
    perfectly_fitting: float | None
    variants_aligned: int
    variants_unfinished: int
    cases_unfinished: int
    discovered_snapshot_id: int
    discovered_cases: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


def mine(
    process: str,
    *,
    miner: str = MINER,
    noise: float = NOISE,
    growth: float = 0.0,
    alignment_seconds: float = SECONDS,
    progress: Progress | None = None,
) -> MinedResult:
    """Mines a process and writes all its result tables.

    Args:
        process: Name of a process with an event log.
        miner: See `mining.discovery.discover`.
        noise: Noise threshold of the miner, 0 to 1.
        growth: Keep the model the process has, if it was discovered this way, while the log has grown by no more than this
            share of the cases it was discovered from; 0 discovers anew.
        alignment_seconds: CPU seconds for alignments; variants not reached are counted as unfinished.
        progress: Told what is being done and how far it is, 0 to 1.

    Raises:
        UnknownProcessError: No such event log.
        DataError: The log has no events, or some without case, activity or time.
        ModelError: The miner or noise makes no sense.
    """
    tell = progress or (lambda _description, _done: None)
    started = perf_counter()
    tell("Building the mining layout", 0.0)
    build_layout(process)
    with EventLog.from_lake(process, threads=get_settings().threads) as log:  # the sections look at events more than the layout
        tell("Counting", 0.1)
        tables = {**dict(_figures(log)), "flattening": flattening(log.connection, process)}
        summary = log.summary()
        tell("Discovering the model", 0.2)
        found = _discovery(log, process, summary["cases"], miner=miner, noise=noise, growth=growth)
        model = found.model
        conformance = align(
            log,
            model,
            seconds=alignment_seconds,
            progress=lambda what, done: tell(what, 0.4 + 0.45 * done),
        )
        tell("Analysing", 0.85)
        tables |= tables_of_sections(Mined(log, process, definition_of(log.connection, process), model, conformance))
        checks = _checks(log, process)
    result = _result(process, log.snapshot_id or 0, summary, found, conformance, perf_counter() - started)
    tell("Writing the results", 0.9)
    in_transaction(lambda connection: _write(connection, result, tables, model, conformance, checks))
    tell("Mined", 1.0)
    return result


def _checks(log: EventLog, process: str) -> LogVerdict | None:
    """What the event log's checks say of an imported log; a product's are checked before it is mined.

    An import does not wait for them: they cost as much as landing a small log.
    """
    origins = {known.name: known.origin for known in processes(log.events.connection)}
    return inspect_log(process, connection=log.events.connection) if origins.get(process) == "file" else None


def _discovery(log: EventLog, process: str, cases: int, *, miner: str, noise: float, growth: float) -> Discovery:
    """The model the process has, where that still serves; else a new one."""
    kept = last_discovery(log.events.connection, process, miner=miner, noise=noise) if growth else None
    if kept is not None and kept.still_serves(cases, growth=growth):
        return kept
    return Discovery(discover(log, miner=miner, noise=noise), log.snapshot_id or 0, cases)


def _figures(log: EventLog) -> Iterator[tuple[str, "pyarrow.Table"]]:
    """The tables that SQL answers, small beside the log."""
    questions = {
        "logs": kernels.summary(),
        "dfg": kernels.dfg(),
        "activities": kernels.activities(),
        "variants": kernels.variants(),
        "throughput": kernels.throughput(),
    }
    for table, question in questions.items():
        yield table, log.ask(question).to_arrow_table()


def _result(
    process: str, snapshot_id: int, summary: dict[str, Any], found: Discovery, conformance: Conformance, seconds: float
) -> MinedResult:
    model = found.model
    return MinedResult(
        process=process,
        snapshot_id=snapshot_id,
        **{name: summary[name] for name in ("cases", "events", "activities", "variants", "dfg_edges")},
        miner=model.miner,
        noise=model.noise,
        places=len(model.net.places),
        transitions=len(model.net.transitions),
        silent=model.net.silent,
        arcs=len(model.net.arcs),
        is_sound=model.is_sound,
        average_fitness=conformance.average_fitness,
        perfectly_fitting=conformance.perfectly_fitting,
        variants_aligned=conformance.variants_aligned,
        variants_unfinished=conformance.variants_unfinished,
        cases_unfinished=conformance.cases_unfinished,
        discovered_snapshot_id=found.snapshot_id,
        discovered_cases=found.cases,
        seconds=seconds,
    )


def _write(
    connection: "duckdb.DuckDBPyConnection",
    result: MinedResult,
    tables: dict[str, "pyarrow.Table"],
    model: Model,
    conformance: Conformance,
    checks: LogVerdict | None,
) -> None:
    if checks:
        record_verdict(connection, checks, snapshot_id=result.snapshot_id)
    tables = tables | {"variants": _with_fitness(tables["variants"], conformance), "models": _model_table(result, model)}
    for table, columns in (COLUMNS | columns_of_sections()).items():
        replace_rows(connection, table, columns, tables[table], process=result.process, snapshot_id=result.snapshot_id)


def _with_fitness(variants: "pyarrow.Table", conformance: Conformance) -> "pyarrow.Table":
    import pyarrow

    aligned = {one.variant_id: one for one in conformance.variants}
    found = [aligned[number] for number in variants.column("variant_id").to_pylist()]
    fitness = pyarrow.array([one.fitness for one in found], pyarrow.float64())
    fitting = pyarrow.array([one.is_fitting for one in found], pyarrow.bool_())
    return variants.append_column("fitness", fitness).append_column("is_fitting", fitting)


def _model_table(result: MinedResult, model: Model) -> "pyarrow.Table":
    texts = {
        "pnml": model.to_pnml(),
        "bpmn": model.to_bpmn(),
        "tree": None if model.tree is None else model.tree.to_json(),
    }
    return arrow_table([result.as_dict() | texts], COLUMNS["models"])
