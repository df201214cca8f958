"""Drift: when the process changed, and what changed then.

What belongs here: the series that are watched, and change points over all of them. What does not: their statistics
(`mining.change_points`) and comparing two logs one chooses oneself (`mining.comparison`).

Watched are, per window of time: how long each edge of the directly-follows graph takes (by rank, so that no outlier matters) and
each activity's service, what follows each, how often an activity is done without a resource, and how many cases arrive. Times
count when they end, after the first cases had time to end and not after the last began; choices count when they are made, up to the
point where what follows may not be known yet. Otherwise a log's first and last weeks would always look like a change.

The best split of all series in all stretches is sought; if it is significant, its date is refined in finer windows,
every series is compared before and after it, and both sides are searched in turn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lake.errors import DataError
from mining.change_points import MARGIN, Series, best_split, compare_at, refined
from mining.significance import adjusted
from mining.timeline import ask

if TYPE_CHECKING:
    import pyarrow

    from mining.event_log import EventLog
    from mining.sections import Mined

TABLES = {
    "changes": "change bigint, changed_at timestamptz, earliest timestamptz, latest timestamptz, p_value double, kind varchar, "
    "source varchar, target varchar, before double, after double, effect double, detail_p_value double",
}
HOUR, DAY = 3_600, 86_400
WIDTHS = (
    (HOUR, 360),
    (6 * HOUR, HOUR),
    (DAY, 3 * HOUR),
    (7 * DAY, DAY),
    (28 * DAY, 4 * DAY),
    (91 * DAY, 7 * DAY),
    (364 * DAY, 28 * DAY),
)
WINDOWS = 130  # at most so many; the narrowest width that gives no more is taken
SERIES = 400  # the ones with most items are watched
LEVEL = 0.01
LEAST_EFFECT = {"time": 0.2, "service": 0.2, "follows": 0.05, "without resource": 0.05, "arrivals": 0.15}
_DEPTH = 5


@dataclass(frozen=True)
class Difference:
    """One thing that is different after a change.

    Attributes:
        kind: `time` from source to target, `service` of source, `follows` (share of source's events that target follows), `without
            resource` (share of source's events) or `arrivals` (cases per window).
        source: Activity; None for arrivals.
        target: Activity; None but for edges.
        before: Median seconds, share or mean number between the change before, or the log's start, and this one.
        after: The same from this change to the next, or the log's end.
        effect: For times Cliff's delta (-1 to 1: shorter to longer), for shares their difference, for arrivals the relative change.
        p_value: Corrected for the number of series (Holm).
    """

    kind: str
    source: str | None
    target: str | None
    before: float
    after: float
    effect: float
    p_value: float


@dataclass(frozen=True)
class Change:
    """A moment at which the process changed.

    Attributes:
        changed_at: The likeliest moment, to the fine window.
        earliest: The first moment about as likely.
        latest: The last one.
        p_value: Probability of so clear a change anywhere without one, for all series and moments together.
        differences: What is different, the clearest first.
    """

    changed_at: datetime
    earliest: datetime
    latest: datetime
    p_value: float
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class _Watched:
    """The series of a log in fine windows, with their names."""

    names: list[tuple[str, str | None, str | None]]
    series: Series
    start: datetime
    fine: int
    width: int  # fine windows per window


def changes(log: "EventLog", *, level: float = LEVEL, window_days: float | None = None) -> list[Change]:
    """The change points of a log in the order of time; none if it is too short to tell.

    Args:
        log: The event log.
        level: Bound on the probability of any false alarm, 0 to 1.
        window_days: Width of a window; default: the narrowest of hour, six hours, day, week, four weeks, quarter and year that
            gives no more than 130.

    Raises:
        DataError: The level or the width makes no sense.
    """
    if not 0 < level < 1 or (window_days is not None and window_days <= 0):
        raise DataError(
            f"Changes at level {level} in windows of {window_days} days make no sense.",
            remedy="Use a level between 0 and 1, such as 0.01, and a width above 0.",
        )
    watched = _watched(log, window_days)
    if watched is None:
        return []
    found = sorted(_search(watched, 0, watched.series.items.shape[1], level / 2), key=lambda one: one[0])
    bounds = [0, *(window for window, *_ in found), watched.series.items.shape[1]]
    made = (_change(log, watched, split, level, bounds[number], bounds[number + 2]) for number, split in enumerate(found))
    return [change for change in made if change.differences]


def tables(mined: "Mined") -> dict[str, "pyarrow.Table"]:
    """The result table of this section: a row per difference."""
    import pyarrow

    columns = [column.split() for column in TABLES["changes"].split(", ")]
    kinds = {"bigint": pyarrow.int64(), "timestamptz": pyarrow.timestamp("us", tz="UTC"), "double": pyarrow.float64()}
    rows = [
        (
            number,
            one.changed_at,
            one.earliest,
            one.latest,
            one.p_value,
            d.kind,
            d.source,
            d.target,
            d.before,
            d.after,
            d.effect,
            d.p_value,
        )
        for number, one in enumerate(changes(mined.log), start=1)
        for d in one.differences
    ]
    values = zip(*rows, strict=True) if rows else [[] for _ in columns]
    return {
        "changes": pyarrow.table(
            {
                name: pyarrow.array(list(column), kinds.get(kind, pyarrow.string()))
                for (name, kind), column in zip(columns, values, strict=True)
            }
        )
    }


def _search(watched: _Watched, first: int, last: int, level: float, depth: int = 0) -> Iterator[tuple[int, int, int, float]]:
    """Splits between two fine windows, and of what they leave: window, earliest, latest, p-value; the level halves each time."""
    best = _best(watched, first, last) if depth < _DEPTH else None
    if best is None or best[3] > level:
        return
    yield best
    yield from _search(watched, first, best[0], level / 2, depth + 1)
    yield from _search(watched, best[0], last, level / 2, depth + 1)


def _best(watched: _Watched, first: int, last: int) -> tuple[int, int, int, float] | None:
    """The clearest split in any stretch between two fine windows: a change that is taken back shows in a stretch only."""
    width, found = watched.width, []
    stretches = list(_stretches((last - first) // width))
    for begin, end in stretches:
        offset = first + begin * width
        part = watched.series.between(offset, min(first + end * width, last))
        split = best_split(part.merged(width))
        if split is not None:
            found.append((min(split.p_value * len(stretches), 1.0), offset, split, part))
    if not found:
        return None
    p_value, offset, split, part = min(found, key=lambda one: one[0])
    window, earliest, latest = refined(part, split.series, (split.window - 2) * width, (split.window + 2) * width)
    return offset + window, offset + earliest, offset + latest, p_value


def _stretches(windows: int) -> Iterator[tuple[int, int]]:
    """All windows, halves, quarters … of them, each half over the one before: seeded binary segmentation (Kovács et al. 2023)."""
    length = windows
    while length >= 2 * MARGIN:
        step = max(length // 2, 1)
        yield from ((begin, begin + length) for begin in range(0, windows - length + 1, step))
        length //= 2


def _change(log: "EventLog", watched: _Watched, split: tuple[int, int, int, float], level: float, first: int, last: int) -> Change:
    window, earliest, latest, p_value = split
    moments = [watched.start + timedelta(seconds=watched.fine * n) for n in (first, window, last, earliest, latest)]
    differences = tuple(_differences(log, watched, level, (first, window, last), moments[:3]))
    return Change(moments[1], moments[3], moments[4], p_value, differences)


def _differences(
    log: "EventLog", watched: _Watched, level: float, windows: tuple[int, int, int], moments: list[datetime]
) -> list[Difference]:
    import numpy as np

    first, window, last = windows
    before, after, p_values = compare_at(watched.series.between(first, last), window - first, watched.width)
    corrected = adjusted(p_values)
    found = []
    for row in np.argsort(corrected, kind="stable"):
        kind, source, target = watched.names[row]
        effect = _effect(kind, before[row], after[row])
        if corrected[row] <= level and abs(effect) >= LEAST_EFFECT[kind]:
            values = float(before[row]), float(after[row])
            if kind in ("time", "service"):
                values = _medians(log, kind, source, target, moments)
            elif kind == "arrivals":
                values = values[0] * watched.width, values[1] * watched.width
            found.append(Difference(kind, source, target, *values, float(effect), float(corrected[row])))
    return sorted(found, key=lambda one: (one.p_value, -abs(one.effect)))


def _effect(kind: str, before: float, after: float) -> float:
    if kind in ("time", "service"):
        return 2 * (after - before)  # of mean ranks between 0 and 1
    return after / before - 1 if kind == "arrivals" and before else after - before


def _medians(log: "EventLog", kind: str, source: str | None, target: str | None, moments: list[datetime]) -> tuple[float, float]:
    """Median seconds before and after, of what ended between the first and the last moment."""
    from mining.sql_text import literal

    begin, change, end = (literal(moment) for moment in moments)
    time = "entered_at" if kind == "time" else "started_at"
    where = (
        f"a.activity = {literal(target)} and p.activity = {literal(source)}"
        if kind == "time"
        else f"a.activity = {literal(source)}"
    )
    seconds = f"(epoch_us(occurred_at) - epoch_us({time})) / 1e6"
    row = ask(
        log,
        f"""select median({seconds}) filter (occurred_at < {change}), median({seconds}) filter (occurred_at >= {change})
from timeline as t join activities as a using (activity_id) left join activities as p on p.activity_id = t.previous_activity
where {where} and {time} is not null and occurred_at >= {begin} and occurred_at < {end}""",
    ).fetchall()[0]
    return tuple(float("nan") if value is None else float(value) for value in row)  # type: ignore[return-value]  # two


def _watched(log: "EventLog", window_days: float | None) -> _Watched | None:
    """Counts the series; None for a log with too few windows for a split."""
    first, last = ask(log, "select min(occurred_at), max(occurred_at) from timeline").fetchall()[0]
    if first is None:
        return None
    start = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if (last - first).total_seconds() < DAY:
        start = first.astimezone(UTC)
    span = (last - start).total_seconds()
    width, fine = _widths(span, window_days)
    windows = int(span // width)  # the last one is cut: it is left out
    if windows < 2 * MARGIN:
        return None
    names, series = _series(log, start, fine, windows * (width // fine))
    return _Watched(names, series, start, fine, width // fine) if names else None


def _widths(span: float, window_days: float | None) -> tuple[int, int]:
    """Seconds of a window and of a fine one."""
    if window_days is not None:
        fine = max(round(window_days * DAY / 7), 1)
        return 7 * fine, fine
    return next(((width, fine) for width, fine in WIDTHS if span / width <= WINDOWS), WIDTHS[-1])


def _series(log: "EventLog", start: datetime, fine: int, windows: int) -> tuple[list[tuple[str, str | None, str | None]], Series]:
    import numpy as np

    origin = int(start.timestamp() * 1e6)
    counted = ask(log, _QUESTION.format(origin=origin, step=fine * 1_000_000, windows=windows, series=SERIES)).to_arrow_table()
    columns = {
        name: counted.column(name).to_numpy(zero_copy_only=False) for name in ("number", "place", "items", "sums", "squares")
    }
    names = dict.fromkeys(zip(*(counted.column(name).to_pylist() for name in ("number", "kind", "source", "target")), strict=True))
    shape = (len(names), windows)
    items, sums, squares = (np.zeros(shape) for _ in range(3))
    rows = np.unique(columns["number"], return_inverse=True)[1]
    for part, name in zip((items, sums, squares), ("items", "sums", "squares"), strict=True):
        part[rows, columns["place"]] = columns[name]
    kinds = [(kind, source, target) for _, kind, source, target in names]
    are_counts = np.array([kind == "arrivals" for kind, *_ in kinds], dtype=bool)
    return kinds, Series(items, sums, squares, are_counts)


_QUESTION = """with spells as materialized (
    select previous_activity as source_id, activity_id as target_id, epoch_us(entered_at) - {origin} as begin_us,
        epoch_us(occurred_at) - {origin} as end_us, epoch_us(started_at) - {origin} as start_us, resource
    from timeline
), timed as (
    select 'time' as kind, source_id, target_id, begin_us, end_us, end_us - begin_us as lasted from spells
    where source_id is not null
    union all
    select 'service', target_id, null, start_us, end_us, end_us - start_us from spells where start_us is not null
), bounds as (
    select kind, source_id, target_id, min(begin_us) + quantile_cont(lasted, 0.95) as since, max(begin_us) as until
    from timed group by all
), scored as (
    select kind, source_id, target_id, begin_us, end_us, ((rank() over (partition by kind, source_id, target_id order by lasted))
        + (count(*) over (partition by kind, source_id, target_id, lasted) - 1) / 2 - 0.5)
        / count(*) over (partition by kind, source_id, target_id) as score
    from timed
), chosen as (
    select source_id, quantile_cont(end_us - begin_us, 0.95) as late from spells where source_id is not null group by source_id
), choices as (
    select source_id, target_id, begin_us // {step} as place, count(*) as times from spells join chosen using (source_id)
    where begin_us <= (select max(end_us) from spells) - late group by all
), totals as (select source_id, place, sum(times) as items from choices group by all),
arrived as (select (epoch_us(started_at) - {origin}) // {step} as place, count(*) as times from kept group by all),
counted as (
    select c.kind, c.source_id, c.target_id, c.end_us // {step} as place, count(*)::double as items, sum(c.score) as sums,
        sum(c.score * c.score) as squares
    from scored as c join bounds as b on b.kind = c.kind and b.source_id = c.source_id
        and b.target_id is not distinct from c.target_id
    where c.end_us >= b.since and c.end_us <= b.until group by all
    union all
    select 'follows', e.source_id, e.target_id, t.place, t.items, coalesce(c.times, 0), coalesce(c.times, 0)
    from (select distinct source_id, target_id from choices) as e join totals as t using (source_id)
    left join choices as c on c.source_id = e.source_id and c.target_id = e.target_id and c.place = t.place
    union all
    select 'without resource', target_id, null, end_us // {step}, count(*), count(*) - count(resource), count(*) - count(resource)
    from spells group by all
    union all
    select 'arrivals', null, null, p.place, 1, coalesce(a.times, 0), coalesce(a.times, 0) ** 2
    from (select unnest(range({windows})) as place) as p left join arrived as a using (place)
), watched as (
    select kind, source_id, target_id, row_number() over (order by sum(items) desc, kind, source_id, target_id) as number
    from counted where place >= 0 and place < {windows} group by kind, source_id, target_id
    having kind = 'arrivals' or (sum(items) >= 40 and sum(sums) > 0 and (kind in ('time', 'service') or sum(sums) < sum(items)))
    qualify number <= {series} or kind = 'arrivals'
)
select w.number, w.kind, s.activity as source, t.activity as target, c.place::integer as place, c.items, c.sums::double as sums,
    c.squares::double as squares
from counted as c join watched as w on w.kind = c.kind and w.source_id is not distinct from c.source_id
    and w.target_id is not distinct from c.target_id
left join activities as s on s.activity_id = w.source_id left join activities as t on t.activity_id = w.target_id
where c.place >= 0 and c.place < {windows} order by w.number, c.place"""
