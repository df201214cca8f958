with opportunities as (
    select * from {{ ref('customers__opportunities') }}
),

events as (
    select * from {{ ref('int_customers__opportunity_events') }}
),

final as (
    select
        'opportunity:' || opportunity_id as source_id,
        'account:' || account_id as target_id,
        'belongs to' as qualifier
    from opportunities
    where account_name is not null
    union all
    select distinct object_id, 'opportunity:' || opportunity_id, 'results from'
    from events
    where object_id is not null
)

select * from final
