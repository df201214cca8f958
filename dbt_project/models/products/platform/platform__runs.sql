{{ config(materialized='view') }}

with runs as (
    select * from {{ ref('stg_platform__runs') }}
),

loads as (
    select * from {{ ref('stg_platform__loads') }}
),

results as (
    select * from {{ ref('stg_platform__check_results') }}
),

-- At most one run at a time touches the lake, so what was landed and checked while it lasted is its own.
loaded as (
    select
        runs.run_id,
        count(*) as tables_loaded,
        cast(sum(loads.rows_extracted) as bigint) as rows_extracted,
        cast(sum(loads.rows_landed) as bigint) as rows_landed,
        cast(sum(loads.rows_quarantined) as bigint) as rows_quarantined,
        cast(sum(loads.bytes) as bigint) as bytes
    from runs
    inner join loads on loads.finished_at between runs.started_at and runs.finished_at
    group by runs.run_id
),

checked as (
    select
        runs.run_id,
        count(*) as checks,
        count(*) filter (where not results.is_passed) as checks_failed
    from runs
    inner join results on results.checked_at between runs.started_at and runs.finished_at
    group by runs.run_id
),

final as (
    select
        runs.run_id,
        runs.job,
        runs.origin,
        runs.status,
        runs.started_at,
        runs.finished_at,
        {{ hours_between('runs.started_at', 'runs.finished_at') }} * 3600 as seconds,
        coalesce(loaded.tables_loaded, 0) as tables_loaded,
        coalesce(loaded.rows_extracted, 0) as rows_extracted,
        coalesce(loaded.rows_landed, 0) as rows_landed,
        coalesce(loaded.rows_quarantined, 0) as rows_quarantined,
        coalesce(loaded.bytes, 0) as bytes,
        coalesce(checked.checks, 0) as checks,
        coalesce(checked.checks_failed, 0) as checks_failed
    from runs
    left join loaded using (run_id)
    left join checked using (run_id)
)

select * from final
