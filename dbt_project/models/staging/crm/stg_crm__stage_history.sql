with source as (
    select * from {{ source('crm', 'stage_history') }}
),

final as (
    select
        cast(id as text) as stage_change_id,
        cast(opportunity_id as text) as opportunity_id,
        cast(from_stage as text) as from_stage,
        cast(to_stage as text) as to_stage,
        cast(changed_by as text) as changed_by,
        cast(changed_at as timestamptz) as changed_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
