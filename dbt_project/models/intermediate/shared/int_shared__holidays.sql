-- The days on which the company is closed, besides weekends. This is the list to edit for another region or another company.
with every_year (month, day_of_month, holiday) as (
    values
    (1, 1, 'New Year'),
    (5, 1, 'Labour Day'),
    (10, 3, 'German Unity Day'),
    (11, 1, 'All Saints'),
    (12, 24, 'Christmas Eve'),
    (12, 25, 'Christmas Day'),
    (12, 26, 'Second Day of Christmas'),
    (12, 31, 'New Year''s Eve')
),

by_easter (days_after_easter, holiday) as (
    values
    (-2, 'Good Friday'),
    (1, 'Easter Monday'),
    (39, 'Ascension Day'),
    (50, 'Whit Monday'),
    (60, 'Corpus Christi')
),

once (day, holiday) as (
    values
    (date '2017-10-31', 'Reformation Day')
),

years as (
    select unnest(generate_series({{ var('calendar_first_year') }}, {{ var('calendar_last_year') }})) as year
),

-- Easter Sunday by the anonymous Gregorian algorithm (Nature, 20 April 1876); integers throughout.
golden as (
    select
        year,
        year % 19 as a,
        year // 100 as b,
        year % 100 as c
    from years
),

epact as (
    select
        *,
        (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30 as h
    from golden
),

sunday as (
    select
        *,
        (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7 as l
    from epact
),

easter as (
    select
        year,
        h + l - 7 * ((a + 11 * h + 22 * l) // 451) + 114 as month_and_day
    from sunday
),

easter_sundays as (
    select make_date(year, month_and_day // 31, month_and_day % 31 + 1) as easter_sunday
    from easter
),

days as (
    select make_date(years.year, every_year.month, every_year.day_of_month) as day, every_year.holiday
    from years
    cross join every_year
    union all
    select easter_sundays.easter_sunday + cast(by_easter.days_after_easter as integer), by_easter.holiday
    from easter_sundays
    cross join by_easter
    union all
    select day, holiday from once
),

-- Ascension Day may fall on Labour Day: one day, one row.
final as (
    select
        day,
        string_agg(holiday, ', ' order by holiday) as holiday
    from days
    group by day
)

select * from final
