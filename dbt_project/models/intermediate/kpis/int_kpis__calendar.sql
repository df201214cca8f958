with changes as (
    select * from {{ ref('stg_erp__change_log') }}
),

stage_history as (
    select * from {{ ref('stg_crm__stage_history') }}
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

days as (
    select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as day
    from bounds
),

final as (
    select
        day,
        cast(date_trunc('week', day) as date) as week_start,
        count(*) over (partition by date_trunc('week', day)) = 7 as is_complete_week
    from days
)

select * from final
