with events as (
    select * from {{ ref('int_customers__opportunity_events') }}
),

-- An event that serves several opportunities is one event.
final as (
    select
        event_id,
        any_value(activity) as activity,
        any_value(occurred_at) as occurred_at,
        any_value(source_row) as source_row,
        any_value(resource) as resource
    from events
    group by event_id
)

select * from final
