{#-
    The object-centric log of a process whose objects are documents of the ERP: its events, its objects and what links them.
    `process` is the log's name; which documents belong to it, and what its orders and partners are called, stands in
    `document_log` and nowhere else.
-#}
{% macro document_log(process) -%}
{{ return({
    'order_to_cash': {
        'object_types': [
            'sales_order', 'delivery', 'customer_return', 'customer_invoice', 'credit_note', 'customer_payment', 'refund'
        ],
        'order_type': 'sales_order',
        'order_number': 'sale_order_number',
        'partner_type': 'customer',
    },
    'purchase_to_pay': {
        'object_types': ['requisition', 'purchase_order', 'goods_receipt', 'supplier_invoice', 'supplier_payment'],
        'order_type': 'purchase_order',
        'order_number': 'purchase_order_number',
        'partner_type': 'supplier',
    },
}[process]) }}
{%- endmacro %}


{#- Of a relation with a column `object_type`, the rows that belong to the process. -#}
{% macro of_process(relation, process) -%}
    select * from {{ relation }}
    where object_type in ('{{ document_log(process).object_types | join("', '") }}')
{%- endmacro %}


{% macro document_log_events(process) -%}
with events as (
    {{ of_process(ref('int_documents__events'), process) }}
),

final as (
    select
        event_id,
        activity,
        occurred_at,
        source_row,
        resource,
        resource_team,
        object_type as document_type,
        document_number
    from events
)

select * from final
{%- endmacro %}


{% macro document_log_objects(process) -%}
{%- set partner = document_log(process).partner_type -%}
with documents as (
    {{ of_process(ref('int_documents__documents'), process) }}
),

parties as (
    select * from {{ ref('stg_erp__parties') }}
),

final as (
    select
        documents.object_id,
        documents.object_type,
        documents.document_number as object_number,
        parties.party_name as party,
        parties.country,
        documents.amount
    from documents
    left join parties using (party_id)
    union all
    select
        '{{ partner }}:' || party_code,
        '{{ partner }}',
        party_code,
        party_name,
        country,
        null
    from parties
    where party_kind = '{{ partner }}'
)

select * from final
{%- endmacro %}


{#- `order_documents` is the relation that names the documents of each order. -#}
{% macro document_log_event_objects(process, order_documents) -%}
{%- set log = document_log(process) -%}
with events as (
    {{ of_process(ref('int_documents__events'), process) }}
),

order_documents as (
    select * from {{ order_documents }}
),

documents as (
    select * from {{ ref('int_documents__documents') }}
),

parties as (
    select * from {{ ref('stg_erp__parties') }}
),

final as (
    select event_id, object_id, 'document' as qualifier
    from events
    union all
    select events.event_id, '{{ log.order_type }}:' || order_documents.{{ log.order_number }}, 'order'
    from events
    inner join order_documents using (document_type, document_id)
    where events.object_type != '{{ log.order_type }}'
    union all
    select events.event_id, '{{ log.partner_type }}:' || parties.party_code, '{{ log.partner_type }}'
    from events
    inner join documents using (document_type, document_id)
    inner join parties using (party_id)
)

select * from final
{%- endmacro %}
