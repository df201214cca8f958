with source as (
    select * from {{ source('erp', 'change_log') }}
),

final as (
    select
        cast(id as bigint) as change_id,
        cast(changed_at as timestamptz) as changed_at,
        cast(user_id as bigint) as employee_id,
        cast(document_type as text) as document_type,
        cast(document_id as bigint) as document_id,
        cast(event as text) as change_kind,
        cast(field as text) as field,
        cast(old_value as text) as old_value,
        cast(new_value as text) as new_value,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
