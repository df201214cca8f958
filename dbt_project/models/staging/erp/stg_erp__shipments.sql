with source as (
    select * from {{ source('erp', 'shipments') }}
),

final as (
    select
        cast(id as bigint) as shipment_id,
        cast(number as text) as shipment_number,
        cast(kind as text) as shipment_kind,
        cast(party_id as bigint) as party_id,
        cast(planned_date as date) as planned_date,
        cast(effective_at as timestamptz) as effective_at,
        cast(state as text) as state,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
