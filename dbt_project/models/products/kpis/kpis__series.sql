{%- set quantiles = [0.05, 0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.99] -%}
with calendar as (
    select * from {{ ref('int_kpis__calendar') }}
),

definitions as (
    select * from {{ ref('int_kpis__definitions') }}
),

measures as (
    select * from {{ ref('int_kpis__measures') }}
),

bounds as (
    select min(day) as first_day, max(day) as last_day from calendar
),

-- A period that is not complete at either end is no period: half a week is not a low week.
grain_days as (
    select 'daily' as grain, day as period, day from calendar
    union all
    select 'weekly', week_start, day from calendar where is_complete_week
    union all
    select 'monthly', cast(date_trunc('month', day) as date), day
    from calendar
    qualify count(*) over (partition by date_trunc('month', day)) = day(last_day(day))
),

periods as (
    select
        grain,
        period,
        max(day) as period_end,
        row_number() over (partition by grain order by period) as number
    from grain_days
    group by grain, period
),

kpi_dimensions as (
    select
        kpi,
        dimension,
        any_value(kind) as kind,
        any_value(most_members) as most_members
    from definitions
    group by kpi, dimension
),

ranked as (
    select
        kpi,
        dimension,
        member,
        row_number() over (partition by kpi, dimension order by count(*) desc, member) as place
    from measures
    group by kpi, dimension, member
),

-- What came or went before the first day holds on the first day.
placed as (
    select
        measures.kpi,
        measures.dimension,
        kpi_dimensions.kind,
        case when ranked.place <= kpi_dimensions.most_members then measures.member else 'other' end as member,
        case when kpi_dimensions.kind = 'change' then greatest(measures.day, bounds.first_day) else measures.day end as day,
        measures.measure
    from measures
    inner join kpi_dimensions using (kpi, dimension)
    inner join ranked using (kpi, dimension, member)
    cross join bounds
    where measures.measure is not null
),

parts as (
    select
        placed.kpi,
        placed.dimension,
        placed.member,
        min(placed.day) as first_seen
    from placed
    cross join bounds
    where placed.day <= bounds.last_day
    group by placed.kpi, placed.dimension, placed.member
),

grouped as (
    select
        placed.kpi,
        placed.dimension,
        placed.member,
        grain_days.grain,
        grain_days.period,
        sum(placed.measure) as total,
        avg(placed.measure) as average,
        quantile_cont(placed.measure, {{ quantiles }}) filter (where placed.kind = 'quantile') as quantiles
    from placed
    inner join grain_days on grain_days.day = placed.day
    where placed.kind in ('sum', 'mean', 'quantile')
    group by placed.kpi, placed.dimension, placed.member, grain_days.grain, grain_days.period
),

-- A level is the sum over its rows of the period's last day that has any.
daily_levels as (
    select
        kpi,
        dimension,
        member,
        day,
        sum(measure) as level
    from placed
    where kind = 'last'
    group by kpi, dimension, member, day
),

levels as (
    select
        daily_levels.kpi,
        daily_levels.dimension,
        daily_levels.member,
        grain_days.grain,
        grain_days.period,
        arg_max(daily_levels.level, daily_levels.day) as level
    from daily_levels
    inner join grain_days on grain_days.day = daily_levels.day
    group by daily_levels.kpi, daily_levels.dimension, daily_levels.member, grain_days.grain, grain_days.period
),

running as (
    select
        kpi,
        dimension,
        member,
        day,
        sum(sum(measure)) over (
            partition by kpi, dimension, member order by day rows between unbounded preceding and current row
        ) as level
    from placed
    where kind = 'change'
    group by kpi, dimension, member, day
),

-- A member begins with its first row; a total that is zero where nothing happened begins with the calendar.
spine as (
    select
        definitions.*,
        parts.member,
        periods.period,
        periods.period_end,
        periods.number
    from definitions
    inner join parts using (kpi, dimension)
    inner join periods using (grain)
    where periods.period_end >= parts.first_seen
        or (definitions.dimension = 'total' and (definitions.kind = 'change' or definitions.missing = 'zero'))
),

known as (
    select
        spine.*,
        case spine.kind
            when 'sum' then grouped.total
            when 'mean' then grouped.average
            when 'quantile' then grouped.quantiles[list_position({{ quantiles }}, spine.quantile)]
            when 'last' then levels.level
            else coalesce(running.level, 0)
        end as value
    from spine
    left join grouped using (kpi, dimension, member, grain, period)
    left join levels using (kpi, dimension, member, grain, period)
    asof left join running
        on spine.kpi = running.kpi
        and spine.dimension = running.dimension
        and spine.member = running.member
        and spine.period_end >= running.day
),

neighbours as (
    select
        *,
        last_value(value ignore nulls) over before as value_before,
        last_value(case when value is not null then number end ignore nulls) over before as number_before,
        first_value(value ignore nulls) over after as value_after,
        first_value(case when value is not null then number end ignore nulls) over after as number_after
    from known
    window
        before as (
            partition by kpi, dimension, member, grain order by period rows between unbounded preceding and current row
        ),
        after as (
            partition by kpi, dimension, member, grain order by period rows between current row and unbounded following
        )
),

filled as (
    select
        *,
        coalesce(
            value,
            case missing
                when 'zero' then 0
                when 'carry' then value_before
                when 'interpolate'
                    then value_before
                        + (value_after - value_before) * (number - number_before) / nullif(number_after - number_before, 0)
            end
        ) as filled_value
    from neighbours
),

final as (
    select
        kpi,
        grain,
        dimension,
        member,
        period,
        cast(filled_value as double) as value,
        value is null as is_filled,
        title,
        unit,
        domain,
        higher_is_better,
        is_headline,
        case kind when 'change' then 'last' else kind end as aggregation
    from filled
    where filled_value is not null
)

select * from final
