with source as (
    select * from {{ source('crm', 'activities') }}
),

final as (
    select
        cast(id as text) as activity_id,
        cast(opportunity_id as text) as opportunity_id,
        cast(kind as text) as activity_kind,
        cast(subject as text) as subject,
        cast(performed_by as text) as performed_by,
        cast(performed_at as timestamptz) as performed_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
