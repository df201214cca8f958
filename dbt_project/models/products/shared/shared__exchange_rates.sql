with rates as (
    select * from {{ ref('int_shared__rates') }}
),

final as (
    select
        currency_code,
        valid_from,
        coalesce(lead(valid_from) over (partition by currency_code order by valid_from), date '9999-12-31') as valid_before,
        cast(rate_to_reporting as decimal(18, 8)) as rate_to_reporting
    from rates
)

select * from final
