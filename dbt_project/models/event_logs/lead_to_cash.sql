with events as (
    select * from {{ ref('int_customers__opportunity_events') }}
),

opportunities as (
    select * from {{ ref('customers__opportunities') }}
),

final as (
    select
        events.opportunity_id as case_id,
        events.activity,
        events.occurred_at,
        cast(null as timestamptz) as started_at,
        events.resource,
        events.source_row,
        events.event_id,
        opportunities.account_name as party,
        opportunities.party_code,
        opportunities.country,
        opportunities.industry,
        opportunities.owner,
        opportunities.team,
        opportunities.lead_source,
        opportunities.amount,
        opportunities.stage,
        opportunities.lost_reason
    from events
    inner join opportunities using (opportunity_id)
)

select * from final
order by case_id, occurred_at, source_row
