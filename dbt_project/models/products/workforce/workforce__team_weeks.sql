with employee_weeks as (
    select * from {{ ref('workforce__employee_weeks') }}
),

final as (
    select
        team,
        week_start,
        bool_and(is_complete_week) as is_complete_week,
        count(*) as employee_count,
        cast(sum(activity_count) as bigint) as activity_count,
        cast(sum(touched_hours) as bigint) as touched_hours,
        sum(capacity_hours) as capacity_hours,
        sum(touched_hours) / nullif(sum(capacity_hours), 0) as utilisation,
        min(utilisation) as least_utilisation,
        max(utilisation) as greatest_utilisation
    from employee_weeks
    group by team, week_start
)

select * from final
