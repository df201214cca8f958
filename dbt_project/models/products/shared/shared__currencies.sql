with currencies (currency_code, currency_name, decimals) as (
    values
    ('AUD', 'Australian dollar', 2),
    ('CAD', 'Canadian dollar', 2),
    ('CHF', 'Swiss franc', 2),
    ('CNY', 'Renminbi', 2),
    ('CZK', 'Czech koruna', 2),
    ('DKK', 'Danish krone', 2),
    ('EUR', 'Euro', 2),
    ('GBP', 'Pound sterling', 2),
    ('HUF', 'Forint', 2),
    ('INR', 'Indian rupee', 2),
    ('JPY', 'Yen', 0),
    ('KWD', 'Kuwaiti dinar', 3),
    ('NAD', 'Namibian dollar', 2),
    ('NOK', 'Norwegian krone', 2),
    ('PLN', 'Zloty', 2),
    ('SEK', 'Swedish krona', 2),
    ('TRY', 'Turkish lira', 2),
    ('USD', 'US dollar', 2)
),

final as (
    select
        currency_code,
        currency_name,
        cast(decimals as integer) as decimals,
        currency_code = '{{ var("reporting_currency") }}' as is_reporting_currency
    from currencies
)

select * from final
