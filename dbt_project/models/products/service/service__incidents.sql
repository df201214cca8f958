with changes as (
    select * from {{ ref('stg_optional__incident_changes') }}
    where incident_number is not null
),

numbered as (
    select
        *,
        row_number() over recorded as position,
        row_number() over newest as recency
    from changes
    window
        recorded as (partition by incident_number order by changed_at, modification_count, file_name, line_number),
        newest as (
            partition by incident_number
            order by changed_at desc, modification_count desc, file_name desc, line_number desc
        )
),

held as (
    select
        *,
        lag(assignment_group) over (partition by incident_number order by position) as group_before
    from numbered
    where assignment_group is not null
),

arrivals as (
    select
        incident_number,
        assignment_group,
        row_number() over (partition by incident_number, assignment_group order by position) as arrival
    from held
    where assignment_group is distinct from group_before
),

handovers as (
    select
        incident_number,
        count(distinct assignment_group) as group_count,
        count(*) - 1 as handover_count,
        count(*) filter (where arrival > 1) as return_count
    from arrivals
    group by incident_number
),

history as (
    select
        incident_number,
        count(*) as change_count,
        min(opened_at) as opened_at,
        max(reassignment_count) as reassignment_count,
        max(reopen_count) as reopen_count,
        min(changed_at) filter (where not is_within_sla) as breach_seen_at
    from numbered
    group by incident_number
),

latest as (
    select * from numbered
    where recency = 1
),

final as (
    select
        latest.incident_number,
        latest.incident_state as state,
        coalesce(latest.incident_state = 'Closed', false) as is_closed,
        latest.priority,
        try_cast(regexp_extract(latest.priority, '^(\d+)', 1) as integer) as priority_rank,
        latest.impact,
        latest.urgency,
        latest.category,
        latest.subcategory,
        latest.location,
        latest.contact_type,
        latest.caller,
        latest.assignment_group,
        latest.assigned_to,
        latest.resolved_by,
        latest.close_code,
        history.opened_at,
        {{ company_day('history.opened_at') }} as opened_on,
        latest.resolved_at,
        latest.closed_at,
        latest.changed_at as last_changed_at,
        {{ hours_between('history.opened_at', 'latest.resolved_at') }} as hours_to_resolve,
        {{ hours_between('history.opened_at', 'latest.closed_at') }} as hours_to_close,
        latest.is_within_sla,
        not latest.is_within_sla as is_sla_breached,
        case when not latest.is_within_sla then history.breach_seen_at end as breach_seen_at,
        history.change_count,
        coalesce(history.reassignment_count, 0) as reassignment_count,
        coalesce(history.reopen_count, 0) as reopen_count,
        coalesce(history.reopen_count > 0, false) as is_reopened,
        coalesce(handovers.group_count, 0) as group_count,
        coalesce(handovers.handover_count, 0) as handover_count,
        coalesce(handovers.return_count, 0) as return_count,
        coalesce(handovers.return_count > 0, false) as is_ping_pong
    from latest
    inner join history using (incident_number)
    left join handovers using (incident_number)
)

select * from final
