with customer_invoices as (
    select * from {{ ref('sales__invoices') }}
),

supplier_invoices as (
    select * from {{ ref('procurement__supplier_invoices') }}
),

rates as (
    select * from {{ ref('shared__exchange_rates') }}
),

period as (
    select * from {{ ref('int_shared__period') }}
),

-- What counts in the books: a supplier's invoice that is blocked is owed all the same.
invoices as (
    select
        invoice_id,
        invoice_number,
        'receivable' as direction,
        case when is_credit_note then 'credit_note' else 'customer_invoice' end as invoice_kind,
        customer_id as party_id,
        customer_code as party_code,
        customer_name as party_name,
        country,
        invoice_date,
        due_date,
        currency,
        state,
        state in ('posted', 'paid') as is_posted,
        state = 'posted' as is_open,
        case when is_credit_note then -1 else 1 end as sign,
        amount,
        coalesce(paid_amount, 0) as paid_amount,
        last_paid_at
    from customer_invoices
    union all
    select
        invoice_id,
        invoice_number,
        'payable',
        'supplier_invoice',
        supplier_id,
        supplier_code,
        supplier_name,
        country,
        invoice_date,
        due_date,
        currency,
        state,
        state in ('blocked', 'posted', 'paid'),
        state in ('blocked', 'posted'),
        1,
        amount,
        coalesce(paid_amount, 0),
        last_paid_at
    from supplier_invoices
),

valued as (
    select
        invoices.*,
        rates.rate_to_reporting as rate,
        case when invoices.is_open then invoices.sign * (invoices.amount - invoices.paid_amount) else 0 end as open_amount,
        case when invoices.state = 'paid' then {{ company_day('invoices.last_paid_at') }} end as paid_on,
        period.last_day as as_of
    from invoices
    cross join period
    left join rates
        on
            invoices.currency = rates.currency_code
            and invoices.invoice_date >= rates.valid_from
            and invoices.invoice_date < rates.valid_before
),

final as (
    select
        invoice_id,
        invoice_number,
        direction,
        invoice_kind,
        party_id,
        party_code,
        party_name,
        country,
        invoice_date,
        due_date,
        currency,
        state,
        is_posted,
        is_open,
        cast(sign * amount as decimal(14, 2)) as signed_amount,
        cast(sign * paid_amount as decimal(14, 2)) as signed_paid_amount,
        cast(open_amount as decimal(14, 2)) as open_amount,
        cast(round(sign * amount * rate, 2) as decimal(18, 2)) as reporting_amount,
        cast(round(open_amount * rate, 2) as decimal(18, 2)) as open_reporting_amount,
        paid_on,
        paid_on - invoice_date as days_to_pay,
        paid_on - due_date as days_late,
        as_of,
        case when is_open then as_of - due_date end as days_overdue
    from valued
)

select * from final
