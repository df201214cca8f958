"""Forecasts against what came: every forecast ever made is kept, and a champion whose errors grow is told to be trained anew.

What belongs here: the tables `forecasts.tracking` and `forecasts.drift`, the test for degradation and the reasons to retrain. What
does not: making forecasts, and single values that are out of the ordinary (`models.anomalies`).

Degradation is tested by exceedances (Kupiec 1995, proportion of failures, one-sided and exact): an 80 % interval is missed by one
period in five. Of the last periods with an actual, each beside the newest forecast made before it, the number outside is binomial
if the intervals still hold; a probability below `ALPHA` of as many or more says that they do not. Periods that follow one another
are not quite independent, so `ALPHA` is small.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lake.journal import insert_rows
from lake.kpi_files import TOTAL
from lake.own_tables import ensure_table
from models.series import Grain, series_key

if TYPE_CHECKING:
    import duckdb

ALPHA = 0.01
LEVEL = 0.8  # of the interval whose exceedances are counted
RECENT: dict[Grain, int] = {"daily": 28, "weekly": 12, "monthly": 6}  # periods looked at
FEWEST = 5  # with fewer actuals nothing is said
RETRAIN_AFTER = timedelta(days=7)
COLUMNS = {
    "tracking": """series varchar, grain varchar, dimension varchar, member varchar, model varchar, model_version varchar,
        made_at timestamptz, known_until date, period date, step integer, value double, lower_80 double, upper_80 double,
        lower_95 double, upper_95 double, actual double, snapshot_id bigint""",
    "drift": """series varchar, grain varchar, dimension varchar, member varchar, periods integer, outside integer, expected double,
        probability double, error_recent double, error_before double, is_degraded boolean, reason varchar, computed_at timestamptz,
        snapshot_id bigint""",
}
KEY = "series, grain, dimension, member"
WHOSE = f"""coalesce(kpi, series) as series, grain, coalesce(dimension, '{TOTAL}') as dimension,
    coalesce(member, '{TOTAL}') as member"""  # the same of the forecasts' own tables, which name series otherwise

_THERE = "select table_name from information_schema.tables where table_catalog = 'lake' and table_schema = 'forecasts'"


@dataclass(frozen=True)
class Tracked:
    """A period whose actual is known, beside the newest forecast that was made before it."""

    series: str
    grain: Grain
    dimension: str
    member: str
    period: date
    actual: float
    value: float
    lower_80: float | None
    upper_80: float | None
    lower_95: float | None
    upper_95: float | None
    model: str
    made_at: datetime

    @property
    def key(self) -> tuple[str, Grain, str, str]:
        """Which series it is of."""
        return self.series, self.grain, self.dimension, self.member

    @property
    def is_outside_80(self) -> bool:
        """Whether the actual lies outside the 80 % interval."""
        return self.lower_80 is not None and self.upper_80 is not None and not self.lower_80 <= self.actual <= self.upper_80


@dataclass(frozen=True)
class Drift:
    """How the forecasts of one series do lately: errors are mean absolute ones in the KPI's unit."""

    series: str
    grain: Grain
    dimension: str
    member: str
    periods: int
    outside: int
    expected: float
    probability: float
    error_recent: float
    error_before: float | None
    is_degraded: bool
    reason: str | None

    @property
    def series_key(self) -> str:
        """The key that `models.series.Series` has."""
        is_total = self.dimension == TOTAL
        return series_key(
            self.series, self.grain, dimension=None if is_total else self.dimension, member=None if is_total else self.member
        )


def keep_forecasts(connection: "duckdb.DuckDBPyConnection") -> None:
    """Adds the newest forecasts to those ever made, and to all of them what came; in the caller's transaction.

    A forecast is kept once, with the time it was made and the last period it knew. An actual that is corrected later is corrected
    here too.
    """
    ensure_tables(connection)
    connection.execute(f"""
        insert into forecasts.tracking
        with made as (
            select {WHOSE}, * exclude (series, dimension, member, step) from forecasts.forecasts),
        stepped as (
            select *, row_number() over (partition by {KEY}, computed_at order by period) as step,
                min(period) over (partition by {KEY}, computed_at) as first_period
            from made)
        select {KEY}, model, model_version, computed_at,
            (case grain when 'monthly' then first_period - interval 1 month when 'weekly' then first_period - interval 7 day
                else first_period - interval 1 day end)::date,
            period, step, value, lower_80, upper_80, lower_95, upper_95, null, snapshot_id
        from stepped anti join (select distinct {KEY}, made_at as computed_at from forecasts.tracking) as kept
        using ({KEY}, computed_at)""")
    connection.execute("""
        update forecasts.tracking as t set actual = s.value from products.kpis__series as s
        where s.kpi = t.series and s.grain = t.grain and s.dimension = t.dimension and s.member = t.member and s.period = t.period
            and t.actual is distinct from s.value""")


def ensure_tables(connection: "duckdb.DuckDBPyConnection") -> None:
    """Makes the tables of this module where they are not there yet."""
    for table, columns in COLUMNS.items():
        ensure_table(connection, f"forecasts.{table}", columns)


def tracked(connection: "duckdb.DuckDBPyConnection", *, most: int = 400) -> list[Tracked]:
    """The last periods with an actual, each with the newest forecast made before it, in order of series and period.

    Args:
        connection: A connection to a lake with the table `forecasts.tracking`.
        most: How many periods of each series.
    """
    found = connection.execute(
        f"""with newest as (
                select * from forecasts.tracking where actual is not null and known_until < period
                qualify row_number() over (partition by {KEY}, period order by known_until desc, made_at desc) = 1)
            select {KEY}, period, actual, value, lower_80, upper_80, lower_95, upper_95, model, made_at from newest
            qualify row_number() over (partition by {KEY} order by period desc) <= ? order by {KEY}, period""",
        [most],
    )
    return [Tracked(*row) for row in found.fetchall()]


def drifts(rows: Iterable[Tracked]) -> list[Drift]:
    """The test of each series, in order of name; those with too few actuals are left out."""
    by_series: dict[tuple[str, Grain, str, str], list[Tracked]] = {}
    for row in rows:
        if row.lower_80 is not None:
            by_series.setdefault(row.key, []).append(row)
    return [_drift(key, found) for key, found in sorted(by_series.items()) if len(found) >= FEWEST]


def _drift(key: tuple[str, Grain, str, str], rows: Sequence[Tracked]) -> Drift:
    from scipy.stats import binom

    recent, before = rows[-RECENT[key[1]] :], rows[: -RECENT[key[1]]]
    outside, expected = sum(row.is_outside_80 for row in recent), (1 - LEVEL) * len(recent)
    probability = float(binom.sf(outside - 1, len(recent), 1 - LEVEL))
    is_degraded = probability < ALPHA
    reason = (
        f"{outside} of the last {len(recent)} actuals lie outside the 80 % interval, {expected:.1f} are expected"
        if is_degraded
        else None
    )
    earlier = _mean_error(before) if len(before) >= FEWEST else None
    return Drift(*key, len(recent), outside, expected, probability, _mean_error(recent), earlier, is_degraded, reason)


def _mean_error(rows: Sequence[Tracked]) -> float:
    return sum(abs(row.actual - row.value) for row in rows) / len(rows)


def write_drifts(connection: "duckdb.DuckDBPyConnection", found: Sequence[Drift], *, now: datetime, snapshot_id: int) -> None:
    """Puts the tests' results in the place of the last ones; in the caller's transaction."""
    connection.execute("delete from forecasts.drift")
    insert_rows(connection, "forecasts.drift", [(*astuple(one), now, snapshot_id) for one in found])


def retraining_reasons(connection: "duckdb.DuckDBPyConnection", *, now: datetime | None = None) -> dict[str, str]:
    """Why a series is to be trained anew, by its key: its champion has degraded, or was trained a week ago.

    Args:
        connection: A connection to the lake, which may only read.
        now: Default: the current time.
    """
    now = now or datetime.now(UTC)
    there = {name for (name,) in connection.execute(_THERE).fetchall()}
    if "champions" not in there:
        return {}
    trained = connection.execute(f"select {WHOSE}, promoted_at from forecasts.champions").fetchall()
    reasons = {
        _model_key(row): f"it was trained {(now - row[-1]).days} days ago" for row in trained if now - row[-1] >= RETRAIN_AFTER
    }
    if "drift" not in there:
        return reasons
    degraded = connection.execute(f"select {KEY}, computed_at, reason from forecasts.drift where is_degraded").fetchall()
    since = {row[:4]: row[-1] for row in trained}
    for row in degraded:
        if (last := since.get(row[:4])) is None or last < row[4]:
            reasons[_model_key(row)] = row[5]
    return reasons


def _model_key(row: tuple[Any, ...]) -> str:
    name, grain, dimension, member = row[:4]
    is_total = dimension == TOTAL
    return series_key(name, grain, dimension=None if is_total else dimension, member=None if is_total else member)
