with parties as (
    select * from {{ ref('stg_erp__parties') }}
    where party_kind = 'customer'
),

accounts as (
    select * from {{ ref('stg_crm__accounts') }}
    where party_code is not null
),

orders as (
    select * from {{ ref('sales__orders') }}
),

invoices as (
    select * from {{ ref('sales__invoices') }}
),

opportunities as (
    select * from {{ ref('customers__opportunities') }}
),

tickets as (
    select * from {{ ref('service__tickets') }}
),

receivables as (
    select * from {{ ref('finance__receivables') }}
),

-- Two accounts may name one customer: the elder one is the customer's account, the figures are those of both.
main_accounts as (
    select *
    from accounts
    qualify row_number() over (partition by party_code order by created_at, account_id) = 1
),

order_figures as (
    select
        customer_id as party_id,
        count(*) as order_count,
        count(*) filter (where is_open) as open_order_count,
        min(order_date) as first_order_date,
        max(order_date) as last_order_date,
        sum(amount) filter (where is_open) as open_order_amount
    from orders
    group by customer_id
),

invoice_figures as (
    select
        customer_id as party_id,
        sum(signed_amount) filter (where is_posted) as revenue,
        sum(amount - paid_amount) filter (where state = 'posted' and not is_credit_note) as receivables,
        avg(days_late) filter (where not is_credit_note) as mean_days_late
    from invoices
    group by customer_id
),

overdue_figures as (
    select customer_id as party_id, sum(open_amount) as overdue_receivables
    from receivables
    where is_overdue and invoice_kind = 'customer_invoice'
    group by customer_id
),

opportunity_figures as (
    select
        party_code,
        count(*) as opportunity_count,
        count(*) filter (where is_won) as won_opportunity_count,
        sum(amount) filter (where not is_closed) as open_opportunity_amount
    from opportunities
    where party_code is not null
    group by party_code
),

ticket_figures as (
    select
        party_code,
        count(*) as ticket_count,
        count(*) filter (where is_open) as open_ticket_count,
        count(*) filter (where sla_status = 'breached') as breached_ticket_count,
        avg(satisfaction_score) as mean_satisfaction_score
    from tickets
    where party_code is not null
    group by party_code
),

final as (
    select
        parties.party_id as customer_id,
        parties.party_code as customer_code,
        parties.party_name as customer_name,
        parties.country,
        parties.city,
        parties.segment,
        parties.payment_term_days,
        parties.credit_limit,
        main_accounts.account_id,
        main_accounts.industry,
        main_accounts.owner as account_owner,
        coalesce(order_figures.order_count, 0) as order_count,
        coalesce(order_figures.open_order_count, 0) as open_order_count,
        order_figures.first_order_date,
        order_figures.last_order_date,
        cast(coalesce(order_figures.open_order_amount, 0) as decimal(18, 2)) as open_order_amount,
        cast(coalesce(invoice_figures.revenue, 0) as decimal(18, 2)) as revenue,
        cast(coalesce(invoice_figures.receivables, 0) as decimal(18, 2)) as receivables,
        cast(coalesce(overdue_figures.overdue_receivables, 0) as decimal(18, 2)) as overdue_receivables,
        invoice_figures.mean_days_late,
        coalesce(opportunity_figures.opportunity_count, 0) as opportunity_count,
        coalesce(opportunity_figures.won_opportunity_count, 0) as won_opportunity_count,
        cast(coalesce(opportunity_figures.open_opportunity_amount, 0) as decimal(18, 2)) as open_opportunity_amount,
        coalesce(ticket_figures.ticket_count, 0) as ticket_count,
        coalesce(ticket_figures.open_ticket_count, 0) as open_ticket_count,
        coalesce(ticket_figures.breached_ticket_count, 0) as breached_ticket_count,
        ticket_figures.mean_satisfaction_score,
        parties.created_at
    from parties
    left join main_accounts using (party_code)
    left join order_figures using (party_id)
    left join invoice_figures using (party_id)
    left join overdue_figures using (party_id)
    left join opportunity_figures using (party_code)
    left join ticket_figures using (party_code)
)

select * from final
