{{ config(materialized='view') }}

with runs as (
    select * from {{ ref('stg_platform__runs') }}
),

steps as (
    select * from {{ ref('stg_platform__run_steps') }}
),

loads as (
    select * from {{ ref('stg_platform__loads') }}
),

-- The tables of a load are landed together and share its time.
landings as (
    select
        connection,
        load_id,
        max(finished_at) as finished_at,
        max(seconds) as seconds,
        sum(rows_landed) as rows_landed,
        sum(bytes) as bytes
    from loads
    group by connection, load_id
),

spent as (
    select
        'run' as kind,
        job as subject,
        finished_at,
        {{ hours_between('started_at', 'finished_at') }} * 3600 as seconds,
        null as rows_landed,
        null as bytes
    from runs
    union all
    select 'step', step, finished_at, {{ hours_between('started_at', 'finished_at') }} * 3600, null, null
    from steps
    where finished_at is not null
    union all
    select 'load', connection, finished_at, seconds, rows_landed, bytes
    from landings
),

final as (
    select
        {{ company_day('finished_at') }} as day,
        kind,
        subject,
        count(*) as times,
        sum(seconds) as seconds,
        max(seconds) as most_seconds,
        cast(sum(rows_landed) as bigint) as rows_landed,
        cast(sum(bytes) as bigint) as bytes
    from spent
    where finished_at is not null
    group by all
)

select * from final
