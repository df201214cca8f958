with changes as (
    select * from {{ ref('stg_erp__change_log') }}
),

final as (
    select
        {{ company_day('min(changed_at)') }} as first_day,
        {{ company_day('max(changed_at)') }} as last_day
    from changes
    having count(*) > 0
)

select * from final
