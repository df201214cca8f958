with opportunities as (
    select * from {{ ref('customers__opportunities') }}
),

accounts as (
    select * from {{ ref('stg_crm__accounts') }}
),

events as (
    select * from {{ ref('int_customers__opportunity_events') }}
),

sales_objects as (
    select * from {{ ref('order_to_cash__objects') }}
),

final as (
    select
        'opportunity:' || opportunity_id as object_id,
        'opportunity' as object_type,
        opportunity_id as object_number,
        account_name as party,
        country,
        cast(amount as decimal(14, 2)) as amount
    from opportunities
    union all
    select 'account:' || account_id, 'account', account_id, account_name, country, null
    from accounts
    union all
    select object_id, object_type, object_number, party, country, amount
    from sales_objects
    where object_id in (select object_id from events)
)

select * from final
