"""The whole way of the forecasts: read the series, train those that have grown, score all, write the tables.

What belongs here: the order of steps. What does not: the steps.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lake.connection import connect
from lake.errors import ModelError
from lake.settings import Settings, get_settings
from lake.snapshots import current_snapshot
from lake.transactions import in_transaction
from models.backtest import Backtest, backtest, least_points
from models.champions import MARGIN, Verdict, choose
from models.forecasters import rivals
from models.predictor import ForecastPoint, train
from models.series import Grain, Series, reason_to_skip
from models.series_reading import read_series
from models.tables import ensure_tables, replace_rows

if TYPE_CHECKING:
    import duckdb

    from models.registry import Registered, Registry

RETRAIN_AFTER: dict[Grain, int] = {"daily": 28, "weekly": 4}  # new points: four weeks; before, the champion only scores again

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ChampionReport:
    """What became of one series. Skipped ones say why and have no champion; scores are those of the last back-test."""

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


@dataclass(frozen=True)
class _Outcome:
    """A series with its forecasts and, if it was trained now, its back-tests."""

    series: Series
    champion: "Registered"
    points: list[ForecastPoint]
    backtests: list[Backtest]
    verdict: Verdict | None


def forecast_all(
    *, retrain: bool = False, progress: Progress | None = None, settings: Settings | None = None
) -> list[ChampionReport]:
    """Forecasts every KPI series of the products; trains those that are new or have grown enough.

    Args:
        retrain: Train every series, however little is new.
        progress: Told what is being done and the share done, 0 to 1.
        settings: Default: the process's settings.

    Returns:
        One report per series, the skipped ones included.

    Raises:
        ModelError: The series' tables are not there, or a model cannot be kept or loaded.
    """
    tell = progress or (lambda description, done: None)
    settings = settings or get_settings()
    series, snapshot_id = _read(settings)
    skipped = {one.key: reason for one in series if (reason := reason_to_skip(one, least=least_points(one.grain)))}
    usable = [one for one in series if one.key not in skipped]
    outcomes = _forecast(usable, skipped, retrain=retrain, tell=tell, settings=settings) if usable else []
    reports = in_transaction(
        lambda connection: _write(connection, series, outcomes, skipped, snapshot_id=snapshot_id), settings=settings
    )
    tell("forecasts written", 1.0)
    return reports


def _read(settings: Settings) -> tuple[list[Series], int]:
    import duckdb

    with connect(read_only=True, settings=settings) as connection:
        try:
            series = [one for one in read_series(connection, members=False) if one.grain in RETRAIN_AFTER]
            return series, current_snapshot(connection)
        except duckdb.CatalogException as error:
            raise ModelError(
                "The KPI table products.kpis__series is not in the lake.",
                remedy="Run `grimoire run` first.",
            ) from error


def _forecast(
    usable: list[Series], skipped: dict[str, str], *, retrain: bool, tell: Progress, settings: Settings
) -> list[_Outcome]:
    """Trains what needs it, under one parent run, and scores everything; adds what no rival can learn to `skipped`."""
    from models.registry import Registry

    tell("opening the model registry", 0.0)
    registry = Registry(settings)
    holders = {one.key: registry.holder(one, "champion") for one in usable}
    stale = [one for one in usable if retrain or _needs_training(one, holders[one.key], settings=settings)]
    trained: dict[str, tuple[list[Backtest], Verdict]] = {}
    if stale:
        with registry.training(parameters={"series": len(stale), "margin": MARGIN, "rivals": _rival_words(settings)}):
            for index, one in enumerate(stale):
                tell(f"training {one.title} ({one.grain})", index / (len(stale) + 1))
                holder = holders[one.key]
                try:
                    trained[one.key] = _train(registry, one, holder=holder.forecaster if holder else None, settings=settings)
                except (RuntimeError, ValueError) as error:
                    skipped[one.key] = f"no rival can learn it: {error}"
    tell("scoring", len(stale) / (len(stale) + 1))
    return [_score(registry, one, *trained.get(one.key, ([], None))) for one in usable if one.key not in skipped]


def _needs_training(series: Series, holder: "Registered | None", *, settings: Settings) -> bool:
    if holder is None or holder.rivals != _rival_words(settings):
        return True
    return series.points_after(holder.trained_until) >= RETRAIN_AFTER[series.grain]


def _rival_words(settings: Settings) -> str:
    return ", ".join(repr(rival) for rival in rivals(settings.holiday_country).values())


def _train(registry: "Registry", series: Series, *, holder: str | None, settings: Settings) -> tuple[list[Backtest], Verdict]:
    """Back-tests the rivals, fits the two best to the whole series and registers them."""
    backtests = _backtest_rivals(series, settings=settings)
    verdict = choose(backtests, holder=holder)
    for alias, test in (("challenger", verdict.challenger), ("champion", verdict.champion)):
        if test is None:
            continue
        predictor = train(test.forecaster, series, quantiles=test.quantiles, country=settings.holiday_country)
        metrics = {"mase": test.mase, "smape": test.smape, "coverage_80": test.coverage(80), "coverage_95": test.coverage(95)}
        if alias == "champion":
            with registry.champion_run(series, metrics=metrics):
                registry.register(series, predictor, alias="champion", rivals=_rival_words(settings))
        else:
            registry.log_metrics({f"{series.key}.{test.forecaster}.mase": test.mase})
            registry.register(series, predictor, alias="challenger", rivals=_rival_words(settings))
    return list(backtests.values()), verdict


def _backtest_rivals(series: Series, *, settings: Settings) -> dict[str, Backtest]:
    """Back-tests by rival; one that cannot learn the series does not compete, unless none can."""
    tests: dict[str, Backtest] = {}
    failure: Exception | None = None
    for name, forecaster in rivals(settings.holiday_country).items():
        try:
            tests[name] = backtest(forecaster, series)
        except (RuntimeError, ValueError) as error:
            failure = error
    if not tests and failure:
        raise failure
    return tests


def _score(registry: "Registry", series: Series, backtests: list[Backtest], verdict: Verdict | None) -> _Outcome:
    champion = registry.holder(series, "champion")
    if champion is None:
        raise ModelError(f"{series.key} has no champion.", remedy="Run `grimoire forecast --retrain`.")
    return _Outcome(series, champion, registry.forecast(series), backtests, verdict)


def _write(
    connection: "duckdb.DuckDBPyConnection",
    series: list[Series],
    outcomes: list[_Outcome],
    skipped: dict[str, str],
    *,
    snapshot_id: int,
) -> list[ChampionReport]:
    """Writes all tables of schema forecasts in the caller's transaction."""
    now = datetime.now(UTC)
    ensure_tables(connection)
    names = [(one.name, one.grain) for one in series]
    trained = [outcome for outcome in outcomes if outcome.verdict]
    left_out = [(one.name, one.grain, skipped[one.key], now, snapshot_id) for one in series if one.key in skipped]
    replace_rows(connection, "skipped", series=names, rows=left_out)
    replace_rows(connection, "forecasts", series=names, rows=[row for o in outcomes for row in _forecast_rows(o, now, snapshot_id)])
    without_champion = [(name, grain) for name, grain, *_ in left_out]
    retitled = [*without_champion, *((o.series.name, o.series.grain) for o in trained)]
    replace_rows(connection, "champions", series=retitled, rows=[_champion_row(o, now, snapshot_id) for o in trained])
    replace_rows(connection, "backtests", series=[], rows=[row for o in trained for row in _backtest_rows(o, now, snapshot_id)])
    return [_report(connection, one, {o.series.key: o for o in outcomes}.get(one.key), skipped.get(one.key)) for one in series]


def _forecast_rows(outcome: _Outcome, now: datetime, snapshot_id: int) -> list[tuple[Any, ...]]:
    series, model = outcome.series, outcome.champion
    head = (series.name, series.title, series.unit, series.grain)
    return [
        (*head, *asdict(point).values(), model.forecaster, model.version, model.run_id, now, snapshot_id)
        for point in outcome.points
    ]


def _champion_row(outcome: _Outcome, now: datetime, snapshot_id: int) -> tuple[Any, ...]:
    assert outcome.verdict is not None  # noqa: S101 — only trained outcomes come here
    champion, challenger = outcome.verdict.champion, outcome.verdict.challenger
    others = (challenger.forecaster, champion.mase, challenger.mase) if challenger else (None, champion.mase, None)
    return (outcome.series.name, outcome.series.grain, champion.forecaster, *others, now, snapshot_id, outcome.champion.run_id)


def _backtest_rows(outcome: _Outcome, now: datetime, snapshot_id: int) -> list[tuple[Any, ...]]:
    head = (outcome.series.name, outcome.series.grain)
    return [
        (*head, test.forecaster, *asdict(window).values(), now, snapshot_id)
        for test in outcome.backtests
        for window in test.windows
    ]


def _report(
    connection: "duckdb.DuckDBPyConnection", series: Series, outcome: _Outcome | None, reason: str | None
) -> ChampionReport:
    if outcome is None:
        return ChampionReport(series.name, series.grain, skipped=reason)
    scores = connection.execute(
        """select champion, challenger, champion_mase, challenger_mase, avg(coverage_80), avg(coverage_95)
           from forecasts.champions as c left join forecasts.backtests as b
             on b.series = c.series and b.grain = c.grain and b.model = c.champion and b.computed_at = c.promoted_at
           where c.series = ? and c.grain = ? group by all""",
        [series.name, series.grain],
    ).fetchone()
    names = ("champion", "challenger", "champion_mase", "challenger_mase", "coverage_80", "coverage_95")
    found = dict(zip(names, scores, strict=True)) if scores else {"champion": outcome.champion.forecaster}
    return ChampionReport(
        series.name, series.grain, model_version=outcome.champion.version, is_retrained=outcome.verdict is not None, **found
    )
