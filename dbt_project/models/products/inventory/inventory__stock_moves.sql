with stock_moves as (
    select * from {{ ref('stg_erp__stock_moves') }}
),

shipments as (
    select * from {{ ref('stg_erp__shipments') }}
),

products as (
    select * from {{ ref('stg_erp__products') }}
),

parties as (
    select * from {{ ref('stg_erp__parties') }}
),

directed as (
    select
        stock_moves.*,
        shipments.shipment_number,
        shipments.party_id,
        shipments.planned_date,
        case shipments.shipment_kind
            when 'outgoing' then 'out'
            when 'incoming' then 'in'
            when 'customer_return' then 'return'
            else shipments.shipment_kind
        end as direction,
        case shipments.shipment_kind
            when 'outgoing' then -1
            when 'incoming' then 1
            when 'customer_return' then 1
            else 0
        end as sign
    from stock_moves
    inner join shipments using (shipment_id)
),

final as (
    select
        directed.stock_move_id,
        directed.shipment_number,
        directed.direction,
        directed.product_id,
        products.sku,
        products.product_name,
        products.category,
        parties.party_code,
        parties.party_name,
        directed.sale_order_line_id,
        directed.purchase_order_line_id,
        directed.state,
        directed.state = 'done' as is_done,
        directed.quantity,
        cast(directed.sign * directed.quantity as decimal(12, 2)) as signed_quantity,
        cast(directed.sign * directed.quantity * products.cost_price as decimal(18, 2)) as signed_value,
        directed.planned_date,
        directed.effective_at as moved_at,
        {{ company_day('directed.effective_at') }} as moved_on
    from directed
    left join products using (product_id)
    left join parties using (party_id)
)

select * from final
