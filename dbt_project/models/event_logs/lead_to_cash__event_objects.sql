with events as (
    select * from {{ ref('int_customers__opportunity_events') }}
),

opportunities as (
    select * from {{ ref('customers__opportunities') }}
),

final as (
    select event_id, 'opportunity:' || opportunity_id as object_id, 'opportunity' as qualifier
    from events
    union all
    select distinct events.event_id, 'account:' || opportunities.account_id, 'account'
    from events
    inner join opportunities using (opportunity_id)
    where opportunities.account_name is not null
    union all
    select distinct event_id, object_id, 'document'
    from events
    where object_id is not null
)

select * from final
