{{ config(materialized='view') }}

with runs as (
    select * from {{ ref('stg_platform__runs') }}
),

steps as (
    select * from {{ ref('stg_platform__run_steps') }}
),

summed as (
    select
        run_id,
        count(*) as step_count,
        count(*) filter (where status not in ('success', 'skipped')) as failed_step_count,
        string_agg(step, ', ' order by step) filter (where status not in ('success', 'skipped')) as failed_steps,
        max_by(step, epoch_us(finished_at) - epoch_us(started_at)) as slowest_step
    from steps
    group by run_id
),

timed as (
    select
        runs.*,
        {{ hours_between('runs.started_at', 'runs.finished_at') }} * 3600 as seconds,
        summed.step_count,
        summed.failed_step_count,
        summed.failed_steps,
        summed.slowest_step
    from runs
    left join summed using (run_id)
),

compared as (
    select
        *,
        lag(finished_at) over (partition by job order by started_at, run_id) as finished_before_at,
        count(*) filter (where status = 'success') over earlier as earlier_runs,
        median(seconds) filter (where status = 'success') over earlier as usual_seconds
    from timed
    window earlier as (partition by job order by started_at, run_id rows between 20 preceding and 1 preceding)
),

final as (
    select
        run_id,
        job,
        origin,
        status,
        status = 'success' as is_successful,
        started_at,
        finished_at,
        {{ company_day('started_at') }} as started_on,
        seconds,
        usual_seconds,
        coalesce(earlier_runs >= 5 and seconds > 2 * usual_seconds, false) as is_slow,
        {{ hours_between('finished_before_at', 'started_at') }} as hours_since_previous,
        coalesce(step_count, 0) as step_count,
        coalesce(failed_step_count, 0) as failed_step_count,
        failed_steps,
        slowest_step
    from compared
)

select * from final
