with documents as (
    select * from {{ ref('int_documents__documents') }}
    where object_type in ('requisition', 'purchase_order', 'goods_receipt', 'supplier_invoice', 'supplier_payment')
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
        'supplier:' || party_code,
        'supplier',
        party_code,
        party_name,
        country,
        null
    from parties
    where party_kind = 'supplier'
)

select * from final
