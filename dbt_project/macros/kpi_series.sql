{#-
    One row for every KPI and period without gaps: flows are zero where nothing happened, stocks run on, means keep their last
    known value. `period` is the calendar's column (day or week_start); only periods for which `is_shown` holds come out.
-#}
{% macro kpi_series(period, is_shown) -%}
with calendar as (
    select * from {{ ref('int_kpis__calendar') }}
),

definitions as (
    select * from {{ ref('int_kpis__definitions') }}
),

facts as (
    select * from {{ ref('int_kpis__daily_facts') }}
),

periods as (
    select {{ period }} as period, bool_and({{ is_shown }}) as is_shown
    from calendar
    group by {{ period }}
),

bounds as (
    select min(day) as first_day from calendar
),

-- What a stock gained before the first day it holds on the first day; everything else outside the calendar is left out.
sums as (
    select facts.kpi, calendar.{{ period }} as period, sum(facts.total) as total, sum(facts.cases) as cases
    from facts
    inner join definitions using (kpi)
    cross join bounds
    inner join calendar
        on calendar.day = case when definitions.kind = 'stock' then greatest(facts.day, bounds.first_day) else facts.day end
    group by facts.kpi, calendar.{{ period }}
),

spine as (
    select
        definitions.*,
        periods.period,
        periods.is_shown,
        sums.total,
        sums.cases
    from definitions
    cross join periods
    left join sums using (kpi, period)
),

valued as (
    select
        *,
        case kind
            when 'flow' then coalesce(total, 0)
            when 'stock' then sum(coalesce(total, 0)) over running
            else last_value(total / cases ignore nulls) over running
        end as value
    from spine
    window running as (partition by kpi order by period rows between unbounded preceding and current row)
),

final as (
    select
        kpi,
        title,
        unit,
        domain,
        higher_is_better,
        period,
        cast(value as double) as value
    from valued
    where is_shown and value is not null
)

select * from final
{%- endmacro %}
