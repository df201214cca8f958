with versions as (
    select * from {{ ref('snap_erp__products') }}
),

compared as (
    select
        *,
        row_number() over history as version_number,
        lag(list_price) over history as previous_list_price,
        lag(cost_price) over history as previous_cost_price
    from versions
    window history as (partition by product_id order by valid_from)
),

final as (
    select
        version_id,
        product_id,
        sku,
        version_number,
        valid_from,
        valid_to,
        valid_to is null as is_current,
        product_name,
        category,
        list_price,
        cost_price,
        supplier_id,
        100 * (cast(list_price as double) / nullif(previous_list_price, 0) - 1) as list_price_change_percent,
        100 * (cast(cost_price as double) / nullif(previous_cost_price, 0) - 1) as cost_price_change_percent
    from compared
)

select * from final
