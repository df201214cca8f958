with source as (
    select * from {{ source('erp', 'employees') }}
),

final as (
    select
        cast(id as bigint) as employee_id,
        cast(name as text) as employee_name,
        cast(email as text) as email,
        cast(team as text) as team,
        cast(role as text) as role,
        cast(active as boolean) as is_active,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
