"""Anomalies: actuals that the newest forecast made before them did not allow for, how far off they are, and which member did it.

What belongs here: judging actuals, and sharing a gap out over the members of a dimension. What does not: keeping forecasts and
actuals side by side (`models.watching`), and calibrating intervals.

- `point`: the actual lies outside the 95 % interval. `widths` is its distance from the forecast in half-widths of that interval.
- `run`: none need be far off, but the last periods together are, beside the newest forecast made before the first of them. Their
  gaps in standard errors (a half-width is 1.96 of them) are added up and divided by the root of their number (Stouffer's z); beyond
  `RUN_LIMIT` that is a run. `actual` and `expected` are means over it. Periods expected to vary by nothing do not count.

`probability` is that of an error as large, as if errors were normal with the interval's width: a way to rank, not a promise.

The members' gaps of a KPI that adds up are exact: they sum to the total's gap. A member's expected value is its own forecast where
it has one, else its share of the total over the season before. For means and quantiles gaps do not add up; then the member is
named whose value moved most from its mean over the season before, in the direction of the gap.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from lake.journal import insert_rows
from lake.kpi_files import TOTAL
from lake.own_tables import ensure_table
from models.series import Grain
from models.watching import KEY, Tracked

if TYPE_CHECKING:
    import duckdb

Kind = Literal["point", "run"]
Severity = Literal["notice", "warning", "critical"]
STANDARD_ERRORS = 1.96  # in a half-width of a 95 % interval
RUN: dict[Grain, int] = {"daily": 7, "weekly": 4, "monthly": 3}  # periods
RUN_LIMIT = 2.58  # two-sided probability of 0.01
WARNING, CRITICAL = 1.5, 2.5  # half-widths
BEFORE: dict[Grain, int] = {"daily": 28, "weekly": 8, "monthly": 6}  # periods whose shares and means are expected to last
COLUMNS = """series varchar, grain varchar, dimension varchar, member varchar, period date, first_period date, kind varchar,
    actual double, expected double, lower_95 double, upper_95 double, gap double, widths double, probability double,
    severity varchar, cause_dimension varchar, cause_member varchar, cause_gap double, model varchar, made_at timestamptz,
    found_at timestamptz, snapshot_id bigint"""


@dataclass(frozen=True)
class Anomaly:
    """An actual, or a run that ends with it, that was not to be expected; `gap`: actual less expected, in the KPI's unit."""

    series: str
    grain: Grain
    dimension: str
    member: str
    period: date
    first_period: date
    kind: Kind
    actual: float
    expected: float
    lower_95: float | None
    upper_95: float | None
    gap: float
    widths: float
    probability: float
    severity: Severity
    cause_dimension: str | None = None
    cause_member: str | None = None
    cause_gap: float | None = None
    model: str = ""
    made_at: datetime | None = None


@dataclass(frozen=True)
class Share:
    """What one member had to do with a gap: its own, in the KPI's unit."""

    dimension: str
    member: str
    gap: float


def anomalies(rows: Iterable[Tracked]) -> list[Anomaly]:
    """Those of the tracked periods whose actual lies outside the 95 % interval, in the order given."""
    found = []
    for row in rows:
        if row.lower_95 is None or row.upper_95 is None or row.lower_95 <= row.actual <= row.upper_95:
            continue
        half = _half_width(row)
        found.append(_anomaly(row, widths=abs(row.actual - row.value) / half if half > 0 else math.inf))
    return found


def runs(connection: "duckdb.DuckDBPyConnection") -> list[Anomaly]:
    """The runs that end with the last period of a series, at most one for each series.

    Args:
        connection: A connection to a lake with the table `forecasts.tracking`.
    """
    lengths = ", ".join(f"('{grain}', {length})" for grain, length in RUN.items())
    found = connection.execute(f"""
        with lengths (grain, length) as (values {lengths}),
        numbered as (
            select distinct {KEY}, period, dense_rank() over (partition by {KEY} order by period desc) as back
            from forecasts.tracking where actual is not null),
        ends as (
            select {KEY}, max(period) as last_period, min(period) as first_period, any_value(length) as length
            from numbered join lengths using (grain) where back <= length group by {KEY} having count(*) = any_value(length)),
        origins as (
            select {KEY}, last_period, first_period, length, max(known_until) as known_until
            from forecasts.tracking join ends using ({KEY}) where known_until < first_period group by all),
        scored as (
            select *, case when lower_95 = 0 or actual >= value then upper_95 - value else value - lower_95 end as half
            from forecasts.tracking join origins using ({KEY}, known_until)
            where period between first_period and last_period and actual is not null
            qualify row_number() over (partition by {KEY}, period order by made_at desc) = 1)
        select {KEY}, last_period, first_period, avg(actual), avg(value), any_value(model), max(made_at),
            sum({STANDARD_ERRORS} * (actual - value) / half) filter (where half > 0)
                / sqrt(count(*) filter (where half > 0)) as together
        from scored group by {KEY}, last_period, first_period, length
        having count(*) = length and abs(together) > {RUN_LIMIT} order by {KEY}""").fetchall()
    return [_run(*row) for row in found]


def _run(
    series: str, grain: Grain, dimension: str, member: str, period: date, first: date, actual: float, expected: float,
    model: str, made_at: datetime, together: float,
) -> Anomaly:  # fmt: skip
    widths = abs(together) / STANDARD_ERRORS
    return Anomaly(
        series, grain, dimension, member, period, first, "run", actual, expected, None, None, actual - expected, widths,
        _probability(widths), _severity(widths), model=model, made_at=made_at,
    )  # fmt: skip


def _half_width(row: Tracked) -> float:
    """That of the side the actual lies on; where the lower bound was cut off at zero, the upper one's."""
    lower, upper = row.value - (row.lower_95 or 0.0), (row.upper_95 or 0.0) - row.value
    return upper if row.actual >= row.value or row.lower_95 == 0 else lower


def _anomaly(row: Tracked, *, widths: float) -> Anomaly:
    return Anomaly(
        *row.key, row.period, row.period, "point", row.actual, row.value, row.lower_95, row.upper_95, row.actual - row.value,
        widths, _probability(widths), _severity(widths), model=row.model, made_at=row.made_at,
    )  # fmt: skip


def _probability(widths: float) -> float:
    return math.erfc(widths * STANDARD_ERRORS / math.sqrt(2))


def _severity(widths: float) -> Severity:
    return "critical" if widths >= CRITICAL else "warning" if widths >= WARNING else "notice"


def shares(
    anomaly: Anomaly,
    members: Mapping[tuple[str, str], Mapping[date, float]],
    total: Mapping[date, float],
    forecasts: Mapping[tuple[str, str], float],
    *,
    adds_up: bool,
) -> list[Share]:
    """The members of every dimension with their part of a total's gap, the largest part in its direction first.

    Args:
        anomaly: Of a total.
        members: By dimension and member the values by period, those before the anomaly's included.
        total: The total's values by period.
        forecasts: The members' own forecasts of the period, where there are some.
        adds_up: Whether members add up to the total; then the gaps of each dimension sum to that of the total.
    """
    before = sorted(period for period in total if period < anomaly.first_period)[-BEFORE[anomaly.grain] :]
    during = [period for period in total if anomaly.first_period <= period <= anomaly.period]
    found: list[Share] = []
    for dimension in sorted({name for name, _ in members}):
        own = {member: values for (name, member), values in members.items() if name == dimension}
        usual = {member: sum(values.get(period, 0.0) for period in before) for member, values in own.items()}
        if adds_up:
            expected = _expected(anomaly, usual, {member: forecasts.get((dimension, member)) for member in own})
            gaps = {
                member: _mean(values.get(period, 0.0) for period in during) - expected[member] for member, values in own.items()
            }
        else:
            gaps = {
                member: _mean(now) - _mean(known)
                for member, values in own.items()
                if (now := [values[period] for period in during if period in values])
                and (known := [values[period] for period in before if period in values])
            }
        found += [Share(dimension, member, gap) for member, gap in gaps.items()]
    return sorted(found, key=lambda one: (-one.gap * math.copysign(1, anomaly.gap), one.dimension, one.member))


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)


def _expected(anomaly: Anomaly, usual: Mapping[str, float], forecasts: Mapping[str, float | None]) -> dict[str, float]:
    """What each member should have had; together what the total should have had."""
    whole = sum(usual.values())
    by_share = {member: anomaly.expected * (one / whole if whole else 1 / len(usual)) for member, one in usual.items()}
    known = {member: value for member, value in forecasts.items() if value is not None}
    if len(known) < len(usual):
        return by_share
    rest = (anomaly.expected - sum(known.values())) / len(known)  # forecasts that were not reconciled differ from the total's
    return {member: value + rest for member, value in known.items()}


def write_anomalies(
    connection: "duckdb.DuckDBPyConnection", found: Sequence[Anomaly], *, now: datetime, snapshot_id: int
) -> list[Anomaly]:
    """Adds the anomalies that are not in `forecasts.anomalies` yet, with their causes; in the caller's transaction.

    An anomaly stays as it was found: a forecast or an actual that comes later does not unmake it.

    Returns:
        Those that are new.
    """
    ensure_table(connection, "forecasts.anomalies", COLUMNS)
    there = set(connection.execute("select series, grain, dimension, member, period, kind from forecasts.anomalies").fetchall())
    fresh = [one for one in found if (*_key(one), one.period, one.kind) not in there]
    explained = [_with_cause(connection, one) if one.dimension == TOTAL else one for one in fresh]
    insert_rows(connection, "forecasts.anomalies", [(*astuple(one), now, snapshot_id) for one in explained])
    return explained


def _key(one: Anomaly) -> tuple[str, Grain, str, str]:
    return one.series, one.grain, one.dimension, one.member


def _with_cause(connection: "duckdb.DuckDBPyConnection", one: Anomaly) -> Anomaly:
    values = connection.execute(
        """select dimension, member, period, value, aggregation from products.kpis__series
           where kpi = ? and grain = ? and period <= ?
           qualify row_number() over (partition by dimension, member order by period desc) <= ?""",
        [one.series, one.grain, one.period, BEFORE[one.grain] + RUN[one.grain]],
    ).fetchall()
    parts: dict[tuple[str, str], dict[date, float]] = {}
    for dimension, member, period, value, _ in values:
        parts.setdefault((dimension, member), {})[period] = value
    total = parts.pop((TOTAL, TOTAL), {})
    forecasts = connection.execute(
        """with newest as (
               select dimension, member, value from forecasts.tracking
               where series = ? and grain = ? and period between ? and ? and dimension <> ? and known_until < ?
               qualify row_number() over (partition by dimension, member, period order by known_until desc, made_at desc) = 1)
           select dimension, member, avg(value) from newest group by all""",
        [one.series, one.grain, one.first_period, one.period, TOTAL, one.first_period],
    ).fetchall()
    adds_up = bool(values) and values[0][-1] in ("sum", "last")
    known = {(dimension, member): value for dimension, member, value in forecasts}
    found = shares(one, parts, total, known, adds_up=adds_up)
    if not found or found[0].gap * one.gap <= 0:
        return one
    return replace(one, cause_dimension=found[0].dimension, cause_member=found[0].member, cause_gap=found[0].gap)
