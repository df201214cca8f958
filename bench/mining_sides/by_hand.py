"""The questions in SQL written by hand, the peer of those that `mining.ibis_kernels` gives.

What belongs here: that text, as it was before the questions were Ibis expressions. What does not: anything that runs elsewhere
than in `bench.mining_kernels`.
"""

from typing import Literal

Grain = Literal["day", "week", "month"]

_PAIRS = """pairs as (
    select v.variant_id, w.cases, unnest(v.activity_ids[:-2]) as source_id, unnest(v.activity_ids[2:]) as target_id
    from weights as w join variants as v using (variant_id)
), per_variant as (
    select variant_id, source_id, target_id, any_value(cases) as cases, count(*) as times from pairs group by all
), edges as (
    select source_id, target_id, sum(cases * times)::bigint as frequency, sum(cases)::bigint as cases
    from per_variant group by all
)"""

_NAMES = "names as (select list(activity order by activity_id) as name from activities)"


def summary() -> str:
    """One row: cases, events, activities, variants, dfg_edges, first_event, last_event, mean/median/p90_case_seconds."""
    return f"""with {_PAIRS}, lengths as (
    select count(*) as cases, coalesce(sum(events), 0)::bigint as events, min(started_at) as first_event,
        max(ended_at) as last_event, avg({_CASE_SECONDS}) as mean_case_seconds,
        quantile_cont({_CASE_SECONDS}, [0.5, 0.9]) as quantiles
    from kept
), used as (
    select count(distinct activity_id) as activities
    from (select unnest(v.activity_ids) as activity_id from weights join variants as v using (variant_id))
)
select l.cases, l.events, used.activities, (select count(*) from weights) as variants, (select count(*) from edges) as dfg_edges,
    l.first_event, l.last_event, l.mean_case_seconds, l.quantiles[1] as median_case_seconds, l.quantiles[2] as p90_case_seconds
from lengths as l cross join used"""


def dfg(*, times: bool = True) -> str:
    """The directly-follows graph: source, target, frequency, cases, and mean_, median_, p90_seconds from one to the next.

    Args:
        times: Without, the three columns are left out and no event is read.
    """
    columns = "s.activity as source, t.activity as target, e.frequency, e.cases"
    joins = "edges as e join activities as s on s.activity_id = e.source_id join activities as t on t.activity_id = e.target_id"
    order = "order by e.frequency desc, source, target"
    if not times:
        return f"with {_PAIRS}\nselect {columns}\nfrom {joins}\n{order}"
    return f"""with {_PAIRS}, seconds as (
    select activity_id as source_id, next_activity as target_id, avg(seconds_to_next) as mean_seconds,
        quantile_cont(seconds_to_next, [0.5, 0.9]) as quantiles
    from events where next_activity is not null group by all
)
select {columns}, d.mean_seconds, d.quantiles[1] as median_seconds, d.quantiles[2] as p90_seconds
from {joins}
join seconds as d on d.source_id = e.source_id and d.target_id = e.target_id
{order}"""


def variants() -> str:
    """One row per variant: variant_id, rank, activities text[], length, cases, share, cumulative_share, mean/median_seconds."""
    return f"""with {_NAMES}, times as (
    select variant_id, avg({_CASE_SECONDS}) as mean_seconds, median({_CASE_SECONDS}) as median_seconds
    from kept group by variant_id
), ranked as (
    select variant_id, cases, row_number() over most_first as rank, cases / sum(cases) over () as share,
        sum(cases) over most_first / sum(cases) over () as cumulative_share
    from weights window most_first as (order by cases desc, variant_id)
)
select r.variant_id, r.rank, list_transform(v.activity_ids, lambda id: names.name[id]) as activities,
    len(v.activity_ids) as length, r.cases, r.share, r.cumulative_share, t.mean_seconds, t.median_seconds
from ranked as r join variants as v using (variant_id) join times as t using (variant_id) cross join names
order by r.rank"""


def activities() -> str:
    """One row per activity: activity, events, cases it occurs in, and how many cases start and end with it."""
    return """with placed as (
    select v.variant_id, w.cases, unnest(v.activity_ids) as activity_id, unnest(range(1, len(v.activity_ids) + 1)) as position,
        len(v.activity_ids) as length
    from weights as w join variants as v using (variant_id)
), per_variant as (
    select variant_id, activity_id, any_value(cases) as cases, count(*) as times,
        count(*) filter (position = 1) as starts, count(*) filter (position = length) as ends
    from placed group by all
)
select a.activity, sum(p.cases * p.times)::bigint as events, sum(p.cases)::bigint as cases,
    sum(p.cases * p.starts)::bigint as starts, sum(p.cases * p.ends)::bigint as ends
from per_variant as p join activities as a using (activity_id)
group by a.activity order by events desc, a.activity"""


def endpoints(which: Literal["start", "end"]) -> str:
    """The activities that cases start or end with: activity, cases."""
    position = 1 if which == "start" else -1
    return f"""select a.activity, sum(w.cases)::bigint as cases
from weights as w join variants as v using (variant_id) join activities as a on a.activity_id = v.activity_ids[{position}]
group by a.activity order by cases desc, a.activity"""


def case_durations() -> str:
    """One row per case in the order of their starts: case_id, variant_id, started_at, ended_at, seconds, events."""
    return f"select case_id, variant_id, started_at, ended_at, {_CASE_SECONDS} as seconds, events from kept order by case_no"


def throughput(*, grain: Grain = "week") -> str:
    """Per period, without gaps: period (its first day, UTC; a week's is Monday), started, completed, open_cases at its end.

    A case is open from its first event to its last, as far as the log knows.
    """
    return f"""with bounds as (
    select date_trunc('{grain}', min(started_at)) as first, date_trunc('{grain}', max(ended_at)) as last from kept
), periods as (
    select unnest(generate_series(first::timestamp, last::timestamp, interval 1 {grain}))::date as period
    from bounds where first is not null
), starts as (
    select date_trunc('{grain}', started_at)::date as period, count(*) as started from kept group by all
), ends as (
    select date_trunc('{grain}', ended_at)::date as period, count(*) as completed from kept group by all
)
select p.period, coalesce(s.started, 0) as started, coalesce(e.completed, 0) as completed,
    (sum(coalesce(s.started, 0) - coalesce(e.completed, 0)) over (order by p.period))::bigint as open_cases
from periods as p left join starts as s using (period) left join ends as e using (period)
order by p.period"""


def variant_multiset() -> str:
    """What discovery and conformance work on: variant_id, activity_ids integer[], cases; the most frequent first."""
    return """select w.variant_id, v.activity_ids, w.cases
from weights as w join variants as v using (variant_id)
order by w.cases desc, w.variant_id"""


_CASE_SECONDS = "((epoch_us(ended_at) - epoch_us(started_at)) / 1e6)"
