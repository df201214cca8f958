with order_lines as (
    select * from {{ ref('stg_erp__sale_order_lines') }}
),

orders as (
    select * from {{ ref('sales__orders') }}
),

products as (
    select * from {{ ref('stg_erp__products') }}
),

stock_moves as (
    select * from {{ ref('stg_erp__stock_moves') }}
    where state = 'done' and sale_order_line_id is not null
),

shipments as (
    select * from {{ ref('stg_erp__shipments') }}
),

moved as (
    select
        stock_moves.sale_order_line_id,
        sum(stock_moves.quantity) filter (where shipments.shipment_kind = 'outgoing') as shipped_quantity,
        sum(stock_moves.quantity) filter (where shipments.shipment_kind = 'customer_return') as returned_quantity
    from stock_moves
    inner join shipments using (shipment_id)
    group by stock_moves.sale_order_line_id
),

final as (
    select
        order_lines.sale_order_line_id,
        order_lines.sale_order_id,
        orders.sale_order_number,
        order_lines.line_number,
        orders.order_date,
        orders.customer_code,
        orders.state as order_state,
        order_lines.product_id,
        products.sku,
        products.product_name,
        products.category,
        order_lines.quantity,
        order_lines.unit_price,
        order_lines.discount_percent,
        order_lines.amount,
        cast(order_lines.amount - order_lines.quantity * products.cost_price as decimal(14, 2)) as margin,
        cast(coalesce(moved.shipped_quantity, 0) as decimal(12, 2)) as shipped_quantity,
        cast(coalesce(moved.returned_quantity, 0) as decimal(12, 2)) as returned_quantity
    from order_lines
    inner join orders using (sale_order_id)
    left join products using (product_id)
    left join moved using (sale_order_line_id)
)

select * from final
