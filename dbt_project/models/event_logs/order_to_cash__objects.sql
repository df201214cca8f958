with documents as (
    select * from {{ ref('int_documents__documents') }}
    where object_type in (
        'sales_order', 'delivery', 'customer_return', 'customer_invoice', 'credit_note', 'customer_payment', 'refund'
    )
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
        'customer:' || party_code,
        'customer',
        party_code,
        party_name,
        country,
        null
    from parties
    where party_kind = 'customer'
)

select * from final
