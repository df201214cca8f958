-- The demo company trades in its reporting currency only. A company with others replaces `rates` by its own table of rates.
with rates (currency_code, valid_from, rate_to_reporting) as (
    values
    ('{{ var("reporting_currency") }}', date '1900-01-01', 1.0)
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
