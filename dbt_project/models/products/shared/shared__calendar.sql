{%- set fiscal = 'day + interval (' ~ (13 - var('fiscal_year_first_month')) % 12 ~ ') month' -%}
with holidays as (
    select * from {{ ref('int_shared__holidays') }}
),

days as (
    select
        cast(
            unnest(generate_series(
                make_date({{ var('calendar_first_year') }}, 1, 1), make_date({{ var('calendar_last_year') }}, 12, 31), interval 1 day
            ))
            as date
        ) as day
),

named as (
    select
        days.day,
        holidays.holiday,
        isodow(days.day) < 6 and holidays.day is null as is_working_day
    from days
    left join holidays using (day)
),

final as (
    select
        day,
        cast(date_trunc('week', day) as date) as week_start,
        cast(date_trunc('month', day) as date) as month_start,
        cast(date_trunc('quarter', day) as date) as quarter_start,
        cast(year(day) as integer) as year,
        cast(quarter(day) as integer) as quarter,
        cast(month(day) as integer) as month,
        cast(isoyear(day) as integer) as iso_year,
        cast(week(day) as integer) as iso_week,
        cast(isodow(day) as integer) as weekday,
        dayname(day) as weekday_name,
        isodow(day) >= 6 as is_weekend,
        holiday,
        is_working_day,
        coalesce(
            count(*) filter (where is_working_day) over (order by day rows between unbounded preceding and 1 preceding), 0
        ) as working_days_before,
        cast(year({{ fiscal }}) as integer) as fiscal_year,
        cast(quarter({{ fiscal }}) as integer) as fiscal_quarter
    from named
)

select * from final
