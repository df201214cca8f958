with activities as (
    select * from {{ ref('int_workforce__activities') }}
),

cases as (
    select * from {{ ref('int_workforce__cases') }}
),

employees as (
    select * from {{ ref('stg_erp__employees') }}
),

calendar as (
    select * from {{ ref('shared__calendar') }}
),

period as (
    select * from {{ ref('int_shared__period') }}
),

dated as (
    select
        activities.*,
        timezone('{{ var("company_time_zone") }}', activities.occurred_at) as local_time,
        calendar.week_start,
        calendar.is_working_day
    from activities
    inner join calendar on calendar.day = {{ company_day('activities.occurred_at') }}
),

figures as (
    select
        employee_id,
        week_start,
        count(*) as activity_count,
        count(distinct object_id) as object_count,
        count(distinct domain) as domain_count,
        string_agg(distinct domain, ', ' order by domain) as domains,
        count(distinct date_trunc('hour', local_time)) filter (where is_working_day) as touched_hours
    from dated
    group by employee_id, week_start
),

-- Each document once a week and employee before its orders are looked up.
touched as (
    select distinct employee_id, week_start, document_type, document_id, object_id
    from dated
),

case_figures as (
    select touched.employee_id, touched.week_start, count(distinct coalesce(cases.case_id, touched.object_id)) as case_count
    from touched
    left join cases using (document_type, document_id)
    group by touched.employee_id, touched.week_start
),

weeks as (
    select
        calendar.week_start,
        count(*) = 7 as is_complete_week,
        count(*) filter (where calendar.is_working_day) * {{ var('working_hours_per_day') }} as capacity_hours
    from calendar
    inner join period on calendar.day between period.first_day and period.last_day
    group by calendar.week_start
),

-- From an employee's first week with work to the last one: a week without any is a row too.
spans as (
    select employee_id, min(week_start) as first_week, max(week_start) as last_week
    from figures
    group by employee_id
),

final as (
    select
        spans.employee_id,
        employees.employee_name,
        employees.team,
        employees.role,
        weeks.week_start,
        weeks.is_complete_week,
        coalesce(figures.activity_count, 0) as activity_count,
        coalesce(figures.object_count, 0) as object_count,
        coalesce(case_figures.case_count, 0) as case_count,
        coalesce(figures.domain_count, 0) as domain_count,
        figures.domains,
        coalesce(figures.touched_hours, 0) as touched_hours,
        cast(weeks.capacity_hours as double) as capacity_hours,
        case
            when weeks.capacity_hours > 0 then cast(coalesce(figures.touched_hours, 0) as double) / weeks.capacity_hours
        end as utilisation
    from spans
    inner join weeks on weeks.week_start between spans.first_week and spans.last_week
    inner join employees using (employee_id)
    left join figures using (employee_id, week_start)
    left join case_figures using (employee_id, week_start)
)

select * from final
