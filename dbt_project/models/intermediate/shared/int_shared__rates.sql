-- The demo company trades in its reporting currency only. This is the list to edit, or to replace by a table of rates.
with final (currency_code, valid_from, rate_to_reporting) as (
    values
    ('{{ var("reporting_currency") }}', date '1900-01-01', 1.0::decimal(18, 8))
)

select * from final
