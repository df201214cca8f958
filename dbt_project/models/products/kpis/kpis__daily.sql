with series as (
    select * from {{ ref('kpis__series') }}
),

final as (
    select
        kpi,
        title,
        unit,
        domain,
        higher_is_better,
        period,
        value
    from series
    where grain = 'daily' and dimension = 'total' and is_headline
)

select * from final
