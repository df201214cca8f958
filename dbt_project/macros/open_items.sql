{#- The items of one direction (`receivable` or `payable`) that are open on the last day of data; `partner` names the other side. -#}
{% macro open_items(direction, partner) -%}
with invoices as (
    select * from {{ ref('finance__invoices') }}
    where direction = '{{ direction }}' and is_open
),

{% if direction == 'receivable' -%}
reminders as (
    select invoice_id, reminder_count from {{ ref('sales__invoices') }}
),

{% endif -%}
final as (
    select
        invoices.invoice_id,
        invoices.invoice_number,
        invoices.invoice_kind,
        invoices.party_id as {{ partner }}_id,
        invoices.party_code as {{ partner }}_code,
        invoices.party_name as {{ partner }}_name,
        invoices.country,
        invoices.invoice_date,
        invoices.due_date,
        invoices.currency,
        invoices.signed_amount,
        invoices.open_amount,
        invoices.open_reporting_amount,
        invoices.as_of,
        invoices.days_overdue,
        invoices.days_overdue > 0 as is_overdue,
        {{ ageing_bucket('invoices.days_overdue') }} as ageing_bucket,
        {% if direction == 'receivable' -%}
        coalesce(reminders.reminder_count, 0) as reminder_count
        {%- else -%}
        invoices.state = 'blocked' as is_blocked
        {%- endif %}
    from invoices
    {%- if direction == 'receivable' %}
    left join reminders using (invoice_id)
    {%- endif %}
)

select * from final
{%- endmacro %}


{#- Which bucket of an ageing report an item stands in; an item without a due date is not due. -#}
{% macro ageing_bucket(days_overdue) -%}
    case
        when {{ days_overdue }} > 90 then 'over 90 days'
        when {{ days_overdue }} > 60 then '61-90 days'
        when {{ days_overdue }} > 30 then '31-60 days'
        when {{ days_overdue }} > 0 then '1-30 days'
        else 'not due'
    end
{%- endmacro %}
