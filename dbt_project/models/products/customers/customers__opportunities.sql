with opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

accounts as (
    select * from {{ ref('stg_crm__accounts') }}
),

activities as (
    select * from {{ ref('stg_crm__activities') }}
),

stage_history as (
    select * from {{ ref('stg_crm__stage_history') }}
),

orders as (
    select * from {{ ref('sales__orders') }}
    where opportunity_id is not null
),

activity_counts as (
    select opportunity_id, count(*) as activity_count
    from activities
    group by opportunity_id
),

stage_figures as (
    select
        opportunity_id,
        count(*) as stage_change_count,
        max(changed_at) filter (where to_stage in ('Won', 'Lost')) as last_closed_at
    from stage_history
    group by opportunity_id
),

order_figures as (
    select
        opportunity_id,
        count(*) as order_count,
        min(sale_order_number) as first_sale_order_number,
        sum(amount) as order_amount
    from orders
    group by opportunity_id
),

final as (
    select
        opportunities.opportunity_id,
        opportunities.opportunity_name,
        opportunities.account_id,
        accounts.account_name,
        accounts.party_code,
        accounts.industry,
        accounts.country,
        opportunities.owner,
        opportunities.team,
        opportunities.lead_source,
        opportunities.stage,
        opportunities.stage = 'Won' as is_won,
        opportunities.stage in ('Won', 'Lost') as is_closed,
        opportunities.amount,
        opportunities.currency,
        opportunities.win_probability,
        opportunities.expected_close_date,
        opportunities.created_at,
        case
            when opportunities.stage in ('Won', 'Lost') then coalesce(opportunities.closed_at, stage_figures.last_closed_at)
        end as closed_at,
        case
            when opportunities.stage in ('Won', 'Lost')
                then {{ days_between('opportunities.created_at', 'coalesce(opportunities.closed_at, stage_figures.last_closed_at)') }}
        end as sales_cycle_days,
        opportunities.lost_reason,
        coalesce(stage_figures.stage_change_count, 0) as stage_change_count,
        coalesce(activity_counts.activity_count, 0) as activity_count,
        coalesce(order_figures.order_count, 0) as order_count,
        order_figures.first_sale_order_number,
        cast(order_figures.order_amount as decimal(18, 2)) as order_amount
    from opportunities
    left join accounts using (account_id)
    left join activity_counts using (opportunity_id)
    left join stage_figures using (opportunity_id)
    left join order_figures using (opportunity_id)
)

select * from final
