with changes as (
    select * from {{ ref('stg_erp__change_log') }}
),

stage_history as (
    select * from {{ ref('stg_crm__stage_history') }}
),

calendar as (
    select * from {{ ref('shared__calendar') }}
),

moments as (
    select changed_at from changes
    union all
    select changed_at from stage_history
),

-- The day of the last change may not be over, so it is left out: no figure is shown for part of a day.
bounds as (
    select
        {{ company_day('min(changed_at)') }} as first_day,
        {{ company_day('max(changed_at)') }} - 1 as last_day
    from moments
),

final as (
    select
        calendar.day,
        calendar.week_start,
        count(*) over (partition by calendar.week_start) = 7 as is_complete_week
    from calendar
    inner join bounds on calendar.day between bounds.first_day and bounds.last_day
)

select * from final
