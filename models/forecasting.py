"""The whole way of the forecasts: read the series, train those that have grown, score all, write the tables.

What belongs here: the order of steps. What does not: the steps.
"""

import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.connection import connect
from lake.errors import ModelError
from lake.settings import Settings, get_settings
from lake.snapshots import current_snapshot
from lake.transactions import in_transaction
from models.backtest import least_points
from models.champion_table import ChampionTable, Entry
from models.champions import MARGIN
from models.evidence import code_version, write_evidence
from models.forecasters import rival_words
from models.scoring import Scored, score
from models.series import GRAINS, Grain, Series, reason_to_skip
from models.series_reading import read_series
from models.tables import ensure_tables, label, replace_rows
from models.titles import Title, award, tables
from models.training import train
from models.watching import retraining_reasons

if TYPE_CHECKING:
    import duckdb

    from models.registry import Alias, Registered, Registry

RETRAIN_AFTER: dict[Grain, int] = {"daily": 7, "weekly": 1, "monthly": 1}  # new periods; before, the champion only scores again
BUDGET_SECONDS = 90.0

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ChampionReport:
    """What became of one series. Skipped ones say why and have no champion; scores are those of the last back-test.

    `step` says who made the forecast: the champion, or which stand-in; `note` what was wrong with the registry.
    """

    series: str
    grain: Grain
    champion: str | None = None
    challenger: str | None = None
    champion_mase: float | None = None
    challenger_mase: float | None = None
    coverage_80: float | None = None
    coverage_95: float | None = None
    model_version: str | None = None
    is_retrained: bool = False
    skipped: str | None = None
    step: str | None = None
    note: str | None = None


@dataclass
class _Held:
    """The champions as the registry has them: tables and versions by grain, and what was wrong."""

    registry: "Registry | None" = None
    versions: "dict[Grain, Registered]" = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def tables(self) -> dict[Grain, ChampionTable]:
        return {grain: found.table for grain, found in self.versions.items()}

    @property
    def entries(self) -> dict[str, Entry]:
        return {key: entry for table in self.tables.values() for key, entry in table.entries.items()}


def forecast_all(
    *,
    retrain: bool = False,
    budget: float = BUDGET_SECONDS,
    progress: Progress | None = None,
    settings: Settings | None = None,
) -> list[ChampionReport]:
    """Forecasts every KPI series of the products; trains those that are new or have grown enough.

    Without a registry nothing is trained and stand-ins forecast, so that there are forecasts at all; the reports' notes say so.

    Args:
        retrain: Train every series, however little is new.
        budget: Seconds for training, after which no further dear rival is begun.
        progress: Told what is being done and the share done, 0 to 1.
        settings: Default: the process's settings.

    Returns:
        One report per series, the skipped ones included.

    Raises:
        ModelError: The series' tables are not there.
    """
    tell = progress or (lambda description, done: None)
    settings = settings or get_settings()
    series, snapshot_id, due = _read(settings)
    reasons = {one.key: reason for one in series if (reason := reason_to_skip(one, least=least_points(one.grain)))}
    usable = [one for one in series if one.key not in reasons]
    stand_ins = [one for one in series if one.key in reasons and one.parent is not None and len(one)]
    skipped = {key: reason for key, reason in reasons.items() if key not in {one.key for one in stand_ins}}
    held, titles, scored = _Held(), {}, {}
    if usable:
        tell("opening the model registry", 0.0)
        held = _open(settings)
        wanted = {one.key for one in usable} if retrain else due
        titles = _train(usable, held, due=wanted, budget=budget, tell=tell, snapshot_id=snapshot_id, settings=settings)
        tell("scoring", 0.92)
        scored = score([*usable, *stand_ins], held.entries, country=settings.holiday_country)
    outcome = _Outcome(series, scored, titles, held, skipped, snapshot_id)
    reports = in_transaction(lambda connection: _write(connection, outcome), settings=settings)
    tell("forecasts written", 1.0)
    return reports


def _read(settings: Settings) -> tuple[list[Series], int, frozenset[str]]:
    """The series, the snapshot they are of, and the keys of those whose watched forecasts say that they are to be trained."""
    import duckdb

    with connect(read_only=True, settings=settings) as connection:
        try:
            return read_series(connection), current_snapshot(connection), frozenset(retraining_reasons(connection))
        except duckdb.CatalogException as error:
            raise ModelError(
                "The KPI table products.kpis__series is not in the lake.",
                remedy="Run `grimoire run` first.",
            ) from error


def _open(settings: Settings) -> _Held:
    """The registry and its champions. One that is away, or holds what cannot be used, is noted and not fatal."""
    from models.registry import Registry

    held = _Held()
    try:
        held.registry = Registry(settings)
    except ModelError as error:
        held.problems.append(str(error))
        return held
    for grain in GRAINS:
        try:
            found = held.registry.load(grain)
            if found is not None:
                held.versions[grain] = found
        except ModelError as error:
            held.problems.append(str(error))
    return held


def _train(
    usable: list[Series], held: _Held, *, due: Collection[str], budget: float, tell: Progress, snapshot_id: int, settings: Settings
) -> dict[str, Title]:
    """Back-tests what needs it, and registers the new tables in `held`; a registry that is away trains nothing."""
    entries, country = held.entries, settings.holiday_country
    stale = [one for one in usable if one.key in due or _needs_training(one, entries.get(one.key), country=country)]
    if not stale or held.registry is None:
        return {}
    began = time.monotonic()
    trained = train(stale, country=country, budget=budget, tell=lambda words, done: tell(words, 0.02 + 0.85 * done), kin=usable)
    titles = award(trained, entries)
    tell("keeping the champions", 0.88)
    facts = {
        "snapshot_id": snapshot_id,
        "code_version": code_version(),
        "country": country,
        "budget_seconds": budget,
        "seconds": time.monotonic() - began,
    }
    try:
        held.versions |= _register(held, titles, facts)
    except ModelError as error:
        held.problems.append(str(error))
        return {}
    return titles


def _needs_training(series: Series, entry: Entry | None, *, country: str | None) -> bool:
    if entry is None or entry.rivals != rival_words(country):
        return True
    return series.points_after(entry.trained_until) >= RETRAIN_AFTER[series.grain]


def _register(held: _Held, titles: Mapping[str, Title], facts: Mapping[str, Any]) -> "dict[Grain, Registered]":
    """One run with everything that was measured, and its tables as new versions."""
    assert held.registry is not None  # noqa: S101 — nothing is trained without one
    country, snapshot_id = facts["country"], facts["snapshot_id"]
    made: dict[Alias, dict[Grain, ChampionTable]] = {
        "challenger": tables(titles, held.tables, role="challenger", country=country, snapshot_id=snapshot_id),
        "champion": tables(titles, held.tables, role="champion", country=country, snapshot_id=snapshot_id),
    }
    champions = [_champion_facts(title) for title in titles.values()]
    backtests = [
        {"series": label(title.trained.series), "grain": title.trained.series.grain, **row}
        for title in titles.values()
        for row in title.window_rows()
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_evidence(Path(folder), backtests, champions, facts=facts)
        return held.registry.log_training(
            made,
            evidence=Path(folder),
            parameters={
                "series": len(titles),
                "margin": MARGIN,
                "rivals": rival_words(country),
                "budget_seconds": facts["budget_seconds"],
            },
            metrics=_metrics(champions, seconds=facts["seconds"]),
            tags={"snapshot_id": str(snapshot_id), "code_version": facts["code_version"]},
        )


def _champion_facts(title: Title) -> dict[str, Any]:
    champion, challenger = title.verdict.champion, title.verdict.challenger
    return {
        "series": label(title.trained.series),
        "grain": title.trained.series.grain,
        "champion": champion.forecaster,
        "challenger": challenger.forecaster if challenger else None,
        "champion_mase": champion.mase,
        "challenger_mase": challenger.mase if challenger else None,
        "floor_mase": title.floor_mase,
        "coverage_80": title.mean_coverage(80),
        "coverage_95": title.mean_coverage(95),
        "interval_basis": title.calibrations[champion.forecaster].basis,
        "reason": title.verdict.reason,
        "untried": ", ".join(title.trained.untried) or None,
    }


def _metrics(champions: Sequence[Mapping[str, Any]], *, seconds: float) -> dict[str, float]:
    """Means over the series of each grain."""
    found = {"training_seconds": seconds}
    for grain in GRAINS:
        for name in ("champion_mase", "floor_mase", "coverage_80", "coverage_95"):
            known = [row[name] for row in champions if row["grain"] == grain and row[name] is not None]
            if known:
                found[f"{grain}.{name}"] = sum(known) / len(known)
    return found


@dataclass(frozen=True)
class _Outcome:
    """Everything a forecast writes."""

    series: list[Series]
    scored: Mapping[str, Scored]
    titles: Mapping[str, Title]
    held: _Held
    skipped: Mapping[str, str]
    snapshot_id: int


def _write(connection: "duckdb.DuckDBPyConnection", outcome: _Outcome) -> list[ChampionReport]:
    """Writes all tables of schema forecasts in the caller's transaction."""
    now = datetime.now(UTC)
    ensure_tables(connection)
    skipped = [one for one in outcome.series if one.key in outcome.skipped]
    left_out = [(label(one), one.grain, outcome.skipped[one.key], now, outcome.snapshot_id, *_whose(one)) for one in skipped]
    replace_rows(connection, "skipped", series=_names(outcome.series), rows=left_out)
    forecasts = [row for one in outcome.scored.values() for row in _forecast_rows(one, outcome, now)]
    replace_rows(connection, "forecasts", series=_names(outcome.series), rows=forecasts)
    retitled = [*skipped, *(title.trained.series for title in outcome.titles.values())]
    replace_rows(connection, "champions", series=_names(retitled), rows=_champion_rows(outcome, now))
    tests = [row for title in outcome.titles.values() for row in _backtest_rows(title, now, outcome.snapshot_id)]
    replace_rows(connection, "backtests", series=[], rows=tests)
    known = _known_champions(connection)
    return [_report(one, outcome, known.get((label(one), one.grain), {})) for one in outcome.series]


def _names(series: Iterable[Series]) -> list[tuple[str, str]]:
    return [(label(one), one.grain) for one in series]


def _whose(series: Series) -> tuple[str, str | None, str | None]:
    return series.name, series.dimension, series.member


def _forecast_rows(scored: Scored, outcome: _Outcome, now: datetime) -> list[tuple[Any, ...]]:
    series = scored.series
    head = (label(series), series.title, series.unit, series.grain)
    by_champion = scored.step == "champion"
    model = outcome.held.versions.get(series.grain) if by_champion else None
    trained_on = outcome.held.entries[series.key].snapshot_id if by_champion else None
    made_by = (scored.forecaster, model.version if model else None, model.run_id if model else None, now, outcome.snapshot_id)
    return [
        (
            *head,
            *asdict(point).values(),
            *made_by,
            *_whose(series),
            scored.step,
            ahead,
            scored.basis,
            scored.is_reconciled,
            trained_on,
        )
        for ahead, point in enumerate(scored.points, start=1)
    ]


def _champion_rows(outcome: _Outcome, now: datetime) -> list[tuple[Any, ...]]:
    code = code_version() if outcome.titles else None
    rows = []
    for title in outcome.titles.values():
        series, facts = title.trained.series, _champion_facts(title)
        model = outcome.held.versions[series.grain]
        names = ("series", "grain", "champion", "challenger", "champion_mase", "challenger_mase")
        measured = ("floor_mase", "coverage_80", "coverage_95", "interval_basis", "reason", "untried")
        first = (*(facts[name] for name in names), now, outcome.snapshot_id, model.run_id)
        rows.append((*first, *_whose(series), *(facts[name] for name in measured), model.version, code))
    return rows


def _backtest_rows(title: Title, now: datetime, snapshot_id: int) -> list[tuple[Any, ...]]:
    series = title.trained.series
    return [(label(series), series.grain, *row.values(), now, snapshot_id, *_whose(series)) for row in title.window_rows()]


def _known_champions(connection: "duckdb.DuckDBPyConnection") -> dict[tuple[str, str], dict[str, Any]]:
    names = ("champion", "challenger", "champion_mase", "challenger_mase", "coverage_80", "coverage_95")
    rows = connection.execute(f"select series, grain, {', '.join(names)} from forecasts.champions").fetchall()
    return {(series, grain): dict(zip(names, values, strict=True)) for series, grain, *values in rows}


def _report(series: Series, outcome: _Outcome, known: Mapping[str, Any]) -> ChampionReport:
    note = " ".join(outcome.held.problems) or None
    if series.key not in outcome.scored:
        return ChampionReport(label(series), series.grain, skipped=outcome.skipped.get(series.key), note=note)
    scored = outcome.scored[series.key]
    model = outcome.held.versions.get(series.grain) if scored.step == "champion" else None
    facts = dict(known) or {"champion": scored.forecaster}
    version = model.version if model else None
    return ChampionReport(
        label(series),
        series.grain,
        **facts,
        model_version=version,
        is_retrained=series.key in outcome.titles,
        step=scored.step,
        note=note,
    )
