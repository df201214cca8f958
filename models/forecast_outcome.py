"""What a forecast leaves: its rows in schema `forecasts`, and what is reported of each series.

What belongs here: those rows and reports, and telling whether the forecasts that are there are still those that would be made. What
does not: making them (`models.forecasting`) and the tables' columns (`models.tables`).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from models.champion_table import ChampionTable, Entry
from models.evidence import code_version
from models.scoring import Scored
from models.series import Grain, Series
from models.tables import ensure_tables, label, replace_rows
from models.titles import Title

if TYPE_CHECKING:
    import duckdb

    from models.registry import Registered, Registry

_NOTHING = np.empty(0)
_SKIPPED = "select series, grain, reason from forecasts.skipped"


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
class Held:
    """The champions as the registry has them: tables and versions by grain, and what was wrong."""

    registry: "Registry | None" = None
    versions: "dict[Grain, Registered]" = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def tables(self) -> dict[Grain, ChampionTable]:
        """The champions by grain."""
        return {grain: found.table for grain, found in self.versions.items()}

    @property
    def entries(self) -> dict[str, Entry]:
        """The champions by the series' key."""
        return {key: entry for table in self.tables.values() for key, entry in table.entries.items()}


@dataclass(frozen=True)
class Outcome:
    """Everything a forecast writes."""

    series: Sequence[Series]
    scored: Mapping[str, Scored]
    titles: Mapping[str, Title]
    held: Held
    skipped: Mapping[str, str]
    snapshot_id: int
    made_from: Mapping[str, str]


def write(connection: "duckdb.DuckDBPyConnection", outcome: Outcome) -> list[ChampionReport]:
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
    return _reports(connection, outcome)


def standing_reports(connection: "duckdb.DuckDBPyConnection", outcome: Outcome) -> list[ChampionReport]:
    """The reports of the forecasts that are there, if each is made from what it would be made from now; else none.

    Raises:
        duckdb.Error: A table or a column is not there yet.
    """
    wanted = {(label(one), one.grain): outcome.made_from[one.key] for one in outcome.series if one.key in outcome.made_from}
    there = {key: facts["made_from"] for key, facts in _known_forecasts(connection).items()}
    skipped = {(label(one), one.grain): outcome.skipped[one.key] for one in outcome.series if one.key in outcome.skipped}
    is_told = {(name, grain): why for name, grain, why in connection.execute(_SKIPPED).fetchall()} == skipped
    return _reports(connection, outcome) if there == wanted and is_told else []


def made_from(series: Iterable[Series], entries: Mapping[str, Entry], *, country: str | None) -> dict[str, str]:
    """By key a word that is the same as long as a series' forecast would be: of its values, its champion and the code."""
    code = code_version()
    return {one.key: _digest(one, entries.get(one.key), country, code) for one in series}


def _digest(series: Series, *others: object) -> str:
    plain = replace(series, values=_NOTHING, closed_days=frozenset())
    words = repr((plain, sorted(series.closed_days), *others))
    return hashlib.sha256(words.encode() + series.values.tobytes()).hexdigest()


def _names(series: Iterable[Series]) -> list[tuple[str, str]]:
    return [(label(one), one.grain) for one in series]


def _whose(series: Series) -> tuple[str, str | None, str | None]:
    return series.name, series.dimension, series.member


def _forecast_rows(scored: Scored, outcome: Outcome, now: datetime) -> list[tuple[Any, ...]]:
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
            outcome.made_from[series.key],
        )
        for ahead, point in enumerate(scored.points, start=1)
    ]


def _champion_rows(outcome: Outcome, now: datetime) -> list[tuple[Any, ...]]:
    code = code_version() if outcome.titles else None
    rows = []
    for title in outcome.titles.values():
        series, facts = title.trained.series, champion_facts(title)
        model = outcome.held.versions[series.grain]
        names = ("series", "grain", "champion", "challenger", "champion_mase", "challenger_mase")
        measured = ("floor_mase", "coverage_80", "coverage_95", "interval_basis", "reason", "untried")
        first = (*(facts[name] for name in names), now, outcome.snapshot_id, model.run_id)
        rows.append((*first, *_whose(series), *(facts[name] for name in measured), model.version, code))
    return rows


def _backtest_rows(title: Title, now: datetime, snapshot_id: int) -> list[tuple[Any, ...]]:
    series = title.trained.series
    return [(label(series), series.grain, *row.values(), now, snapshot_id, *_whose(series)) for row in title.window_rows()]


def _reports(connection: "duckdb.DuckDBPyConnection", outcome: Outcome) -> list[ChampionReport]:
    """What the tables say of each series."""
    forecasts, champions = _known_forecasts(connection), _known_champions(connection)
    note = " ".join(outcome.held.problems) or None
    reports = []
    for one in outcome.series:
        forecast, champion = forecasts.get((label(one), one.grain)), champions.get((label(one), one.grain), {})
        report = ChampionReport(label(one), one.grain, skipped=outcome.skipped.get(one.key), note=note)
        if forecast:
            facts = champion or {"champion": forecast["model"]}
            made = {"model_version": forecast["model_version"], "step": forecast["step"], "is_retrained": one.key in outcome.titles}
            report = replace(report, **facts, **made)
        reports.append(report)
    return reports


def _known_champions(connection: "duckdb.DuckDBPyConnection") -> dict[tuple[str, str], dict[str, Any]]:
    names = ("champion", "challenger", "champion_mase", "challenger_mase", "coverage_80", "coverage_95")
    return _by_series(connection.execute(f"select series, grain, {', '.join(names)} from forecasts.champions"), names)


def _known_forecasts(connection: "duckdb.DuckDBPyConnection") -> dict[tuple[str, str], dict[str, Any]]:
    names = ("model", "model_version", "step", "made_from")
    said = ", ".join(f"any_value({name})" for name in names)
    return _by_series(connection.execute(f"select series, grain, {said} from forecasts.forecasts group by all"), names)


def _by_series(found: "duckdb.DuckDBPyConnection", names: Sequence[str]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(series, grain): dict(zip(names, values, strict=True)) for series, grain, *values in found.fetchall()}


def champion_facts(title: Title) -> dict[str, Any]:
    """What a training found about a series, by name."""
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
