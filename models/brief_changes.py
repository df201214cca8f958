"""What the brief calls changed: key figures against the week before and the forecast, working capital, drift, new deviations.

What belongs here: those watches. What does not: what a watch is and how its lines are ranked (`brief`).
"""

from models.brief import Watch

_WEEKS = """with weeks as (
    select *, lag(value) over (partition by kpi order by period) as before,
        lag(value, 52) over (partition by kpi order by period) as last_year,
        row_number() over (partition by kpi order by period desc) as age
    from products.kpis__weekly where value is not null
), moves as (select *, value / before - 1 as change from weeks where before > 0),
usual as (
    select kpi, quantile_cont(abs(change), 0.9) as usual from moves where age between 2 and 53 group by kpi having count(*) >= 8
)
select kpi, title, unit, domain, period, value, before, abs(change) as size, usual,
    coalesce(' The same week a year before: ' || format('{{:,}}', round(last_year)::bigint) || ' ' || unit || '.', '')
        as a_year_ago,
    case when change > 0 then 'rose' else 'fell' end as went,
    case when higher_is_better is null then 'a change' when (change > 0) = higher_is_better then 'for the better'
         else 'for the worse' end as sense,
    case when unit = {currency} then abs(value - before) end as money,
    case when unit in ('orders', 'opportunities', 'tickets', 'cases') then abs(value - before) end as cases
from moves join usual using (kpi) where age = 1 and abs(change) >= 0.1 and abs(change) > usual"""

_BAND = """with expected as (
    select series, title, unit, period, value as expected, lower_80, upper_80, computed_at
    from ({forecasts}) where grain = 'weekly'
    qualify row_number() over (partition by series, period order by computed_at desc) = 1
), newest as (
    select * from products.kpis__weekly where value is not null
    qualify row_number() over (partition by kpi order by period desc) = 1
)
select n.kpi, n.title, n.unit, n.period, n.value, e.expected, e.lower_80, e.upper_80,
    case when n.value > e.upper_80 then 'above' else 'below' end as went,
    case when n.unit = {currency} then abs(n.value - e.expected) end as money,
    case when n.unit in ('orders', 'opportunities', 'tickets', 'cases') then abs(n.value - e.expected) end as cases
from newest as n join expected as e on e.series = n.kpi and e.period = n.period
where n.value not between e.lower_80 and e.upper_80"""

_DRIFT = """select c.process, p.title, c.changed_at, count(*) over (partition by c.process, c.change) as differences,
    case when c.kind = 'time' and c.target is not null
         then 'the median time from ' || c.source || ' to ' || c.target || ' went from ' || round(c.before / 3600, 1)
              || ' to ' || round(c.after / 3600, 1) || ' hours'
         else c.kind || ' of ' || c.source || coalesce(' to ' || c.target, '') || ' went from '
              || round(100 * c.before, 1) || ' to ' || round(100 * c.after, 1) || ' %' end as what,
    null as money, null as cases
from mining.changes as c join platform.processes as p using (process) join mining.logs as l using (process)
where c.changed_at >= l.last_event - interval 90 day
qualify row_number() over (partition by c.process, c.change order by abs(c.effect) desc) = 1"""

# A case that still runs has skipped nothing yet, so only cases count that came to an end their definition names.
_DEVIATIONS = """with ends as (
    select process, title, try_cast(json_extract(definition, '$.end_activities') as varchar[]) as ends from platform.processes
), cases as (
    select d.kind, d.activity, d.after_activity, c.started_at, l.last_event, p.title
    from mining.deviations as d join mining.logs as l using (process) join ends as p using (process),
        unnest(d.variant_ids) as v(variant_id) join layouts."{log}__cases" as c on c.variant_id = v.variant_id
        join mining.variants as w on w.process = d.process and w.variant_id = v.variant_id
    where d.process = '{log}' and not coalesce(d.is_accepted, false)
        and (list_contains(p.ends, w.activities[-1]) or (p.ends is null and d.kind <> 'skipped'))
)
select '{log}' as process, title, kind, activity, coalesce(' after ' || after_activity, '') as place, count(*) as cases,
    min(started_at) as first_at, null as money
from cases group by title, kind, activity, after_activity
having min(started_at) >= max(last_event) - interval 28 day and count(*) >= 2"""

_CAPITAL = """with days as (
    select day, working_capital, receivables, payables, stock_value, lag(working_capital, 28) over (order by day) as before,
        lag(day, 28) over (order by day) as since
    from products.finance__working_capital
)
select day, since, working_capital, before, abs(working_capital / before - 1) as size,
    case when working_capital > before then 'rose' else 'fell' end as went, abs(working_capital - before) as money, null as cases
from days where before > 0 and abs(working_capital / before - 1) >= 0.05 qualify day = max(day) over ()
    and day = (select max(day) from products.finance__working_capital)"""

CHANGES = (
    Watch(
        section="changed",
        about="Key figures against the week before",
        threshold="a change of 10 % or more that is larger than nine of ten weekly changes of the past year",
        sql=_WEEKS,
        words="{title} {went} by {size:.0%} in the week from {period}, {sense}: {value:,.0f} {unit} after {before:,.0f}. "
        "Nine of ten weeks move by less than {usual:.0%}.{a_year_ago}",
        needs=("products.kpis__weekly",),
        page="forecasts",
        query={"series": "{title}"},
        counted="{unit}",
        most=5,
    ),
    Watch(
        section="changed",
        about="Key figures against their forecast",
        threshold="the last week lies outside the 80 % band that was forecast for it",
        sql=_BAND,
        words="{title} came out {went} its forecast in the week from {period}: {value:,.0f} {unit}, "
        "where {lower_80:,.0f} to {upper_80:,.0f} was expected.",
        needs=("products.kpis__weekly", "forecasts.forecasts"),
        page="forecasts",
        query={"series": "{title}"},
        counted="{unit}",
        remedy="grimoire forecast",
    ),
    Watch(
        section="changed",
        about="Working capital",
        threshold="5 % or more in four weeks",
        sql=_CAPITAL,
        words="Working capital {went} by {size:.1%} in four weeks, to {working_capital:,.0f} {currency} on {day}.",
        needs=("products.finance__working_capital",),
        page="finance",
    ),
    Watch(
        section="changed",
        about="Drift of the processes",
        threshold="a change point within the last 90 days of the event log",
        sql=_DRIFT,
        words="{title} runs differently since {changed_at:%Y-%m-%d}: {what}. {differences:#difference} "
        "{differences:?is/are} significant.",
        needs=("mining.changes", "mining.logs", "platform.processes"),
        page="overview",
        query={"process": "{process}"},
        remedy="grimoire mine",
    ),
    Watch(
        section="changed",
        about="New deviations from the model",
        threshold="a deviation that no case before the last 28 days of the event log has, in two completed cases or more",
        sql=_DEVIATIONS,
        words="{title} deviates in a new way since {first_at:%Y-%m-%d}: {activity} {kind}{place}, in {cases:#case}.",
        needs=("mining.deviations", "mining.logs", "mining.variants", "platform.processes", "layouts.{log}__cases"),
        page="process_map",
        query={"process": "{process}"},
        remedy="grimoire mine",
        per_process=True,
    ),
)
