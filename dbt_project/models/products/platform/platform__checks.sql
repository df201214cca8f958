{{ config(materialized='view') }}

with results as (
    select * from {{ ref('stg_platform__check_results') }}
),

followed as (
    select
        *,
        row_number() over (partition by layer, subject, check_name order by checked_at desc) as recency,
        max(checked_at) filter (where is_passed) over (partition by layer, subject, check_name) as last_passed_at
    from results
),

history as (
    select
        layer,
        subject,
        check_name,
        count(*) as times_checked,
        count(*) filter (where not is_passed) as times_failed,
        max(checked_at) filter (where not is_passed) as last_failed_at,
        min(checked_at) filter (where not is_passed and (last_passed_at is null or checked_at > last_passed_at)) as failing_since,
        count(*) filter (where not is_passed and (last_passed_at is null or checked_at > last_passed_at)) as failures_in_a_row
    from followed
    group by layer, subject, check_name
),

final as (
    select
        followed.layer,
        followed.subject,
        followed.check_name,
        followed.checked_at,
        followed.is_passed,
        followed.severity,
        followed.is_blocking,
        followed.rows_checked,
        followed.rows_failed,
        followed.detail,
        history.times_checked,
        history.times_failed,
        history.last_failed_at,
        history.failing_since,
        history.failures_in_a_row
    from followed
    inner join history using (layer, subject, check_name)
    where followed.recency = 1
)

select * from final
