"""The whole way of the forecasts: read the series, train those that have grown, score all, write the tables.

What belongs here: the order of steps. What does not: the steps.
"""

import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
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
from models.crew import Crew, crew
from models.evidence import code_version, write_evidence
from models.forecast_outcome import ChampionReport, Held, Outcome, champion_facts, made_from, standing_reports, write
from models.forecasters import rival_words
from models.scoring import score
from models.series import GRAINS, Grain, Series, reason_to_skip
from models.series_reading import read_series
from models.tables import label
from models.titles import Title, award, tables
from models.training import train
from models.watching import retraining_reasons

if TYPE_CHECKING:
    from models.registry import Alias, Registered

RETRAIN_AFTER: dict[Grain, int] = {"daily": 7, "weekly": 1, "monthly": 1}  # new periods; before, the champion only scores again
BUDGET_SECONDS = 90.0

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class _Asked:
    """What a training is asked: of all series or of which keys at least, seconds, whom to tell, and who works."""

    of_all: bool
    due: Collection[str]
    budget: float
    tell: Progress
    work: Crew


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
    outcome = Outcome(series, {}, {}, Held(), skipped, snapshot_id, {})
    with crew(len(usable)) as work:
        if usable:
            outcome = _trained(outcome, usable, stand_ins, _Asked(retrain, due, budget, tell, work), settings)
        if not outcome.titles and (standing := _standing(outcome, settings)):
            tell("nothing is new", 1.0)
            return standing
        if usable:
            tell("scoring", 0.92)
            outcome = _scored(outcome, [*usable, *stand_ins], work, settings)
    reports = in_transaction(lambda connection: write(connection, outcome), settings=settings)
    tell("forecasts written", 1.0)
    return reports


def _trained(outcome: Outcome, usable: list[Series], stand_ins: list[Series], asked: _Asked, settings: Settings) -> Outcome:
    """The outcome with the champions, those newly trained among them, and what each forecast would be made from."""
    asked.tell("opening the model registry", 0.0)
    held = open_registry(settings)
    titles = _train(usable, held, asked, snapshot_id=outcome.snapshot_id, settings=settings)
    origins = made_from([*usable, *stand_ins], held.entries, country=settings.holiday_country)
    return replace(outcome, held=held, titles=titles, made_from=origins)


def _scored(outcome: Outcome, series: list[Series], work: Crew, settings: Settings) -> Outcome:
    """The outcome with the forecasts; those the training has just made are taken from it."""
    entries = outcome.held.entries
    made = {
        key: title.trained.ahead[entries[key].forecaster]
        for key, title in outcome.titles.items()
        if key in entries and entries[key].forecaster in title.trained.ahead
    }
    return replace(outcome, scored=score(series, entries, country=settings.holiday_country, made=made, work=work))


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


def open_registry(settings: Settings) -> Held:
    """The registry and its champions. One that is away, or holds what cannot be used, is noted and not fatal."""
    from models.registry import Registry

    held = Held()
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


def _standing(outcome: Outcome, settings: Settings) -> list[ChampionReport]:
    """The reports of the forecasts that are there, if none would be another now."""
    import duckdb

    with connect(read_only=True, settings=settings) as connection:
        try:
            return standing_reports(connection, outcome)
        except (duckdb.CatalogException, duckdb.BinderException):  # no table yet, or one of before a column was added
            return []


def _train(usable: list[Series], held: Held, asked: _Asked, *, snapshot_id: int, settings: Settings) -> dict[str, Title]:
    """Back-tests what needs it, and registers the new tables in `held`; a registry that is away trains nothing."""
    entries, country = held.entries, settings.holiday_country
    stale = [one for one in usable if _needs_training(one, entries.get(one.key), asked, country=country)]
    if not stale or held.registry is None:
        return {}
    began = time.monotonic()
    trained = train(
        stale,
        country=country,
        budget=asked.budget,
        tell=lambda words, done: asked.tell(words, 0.02 + 0.85 * done),
        kin=usable,
        work=asked.work,
    )
    titles = award(trained, entries)
    asked.tell("keeping the champions", 0.88)
    facts = {
        "snapshot_id": snapshot_id,
        "code_version": code_version(),
        "country": country,
        "budget_seconds": asked.budget,
        "seconds": time.monotonic() - began,
    }
    try:
        held.versions |= keep(held, titles, facts)
    except ModelError as error:
        held.problems.append(str(error))
        return {}
    return titles


def _needs_training(series: Series, entry: Entry | None, asked: _Asked, *, country: str | None) -> bool:
    """Whether it is asked for, new, or has grown enough; where the watched forecasts fail, one new period to learn from will do."""
    if asked.of_all or entry is None or entry.rivals != rival_words(country):
        return True
    new = series.points_after(entry.trained_until)
    return new >= RETRAIN_AFTER[series.grain] or (new > 0 and series.key in asked.due)


def keep(held: Held, titles: Mapping[str, Title], facts: Mapping[str, Any]) -> "dict[Grain, Registered]":
    """Keeps a training in the registry: one run with everything that was measured, and its tables as new versions.

    Args:
        held: The registry and the champions until now.
        titles: What was trained.
        facts: Of the training: snapshot_id, code_version, country, budget_seconds, seconds.

    Raises:
        ModelError: The registry does not answer.
    """
    assert held.registry is not None  # noqa: S101 — nothing is trained without one
    country, snapshot_id = facts["country"], facts["snapshot_id"]
    made: dict[Alias, dict[Grain, ChampionTable]] = {
        "challenger": tables(titles, held.tables, role="challenger", country=country, snapshot_id=snapshot_id),
        "champion": tables(titles, held.tables, role="champion", country=country, snapshot_id=snapshot_id),
    }
    champions = [champion_facts(title) for title in titles.values()]
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


def _metrics(champions: Sequence[Mapping[str, Any]], *, seconds: float) -> dict[str, float]:
    """Means over the series of each grain."""
    found = {"training_seconds": seconds}
    for grain in GRAINS:
        for name in ("champion_mase", "floor_mase", "coverage_80", "coverage_95"):
            known = [row[name] for row in champions if row["grain"] == grain and row[name] is not None]
            if known:
                found[f"{grain}.{name}"] = sum(known) / len(known)
    return found
