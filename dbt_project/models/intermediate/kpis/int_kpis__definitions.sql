-- flow: what happened in the period, added up. stock: what is open at its end. mean: the average over what ended in it.
with final (kpi, title, unit, domain, higher_is_better, kind) as (
    values
    ('orders', 'Sales orders', 'orders', 'sales', true, 'flow'),
    ('revenue', 'Revenue', 'EUR', 'sales', true, 'flow'),
    ('open_orders', 'Open sales orders', 'orders', 'sales', false, 'stock'),
    ('order_cycle_time_days', 'Order cycle time', 'days', 'sales', false, 'mean'),
    ('purchase_orders', 'Purchase orders', 'orders', 'procurement', true, 'flow'),
    ('purchase_spend', 'Purchase spend', 'EUR', 'procurement', false, 'flow'),
    ('open_purchase_orders', 'Open purchase orders', 'orders', 'procurement', false, 'stock'),
    ('purchase_cycle_time_days', 'Purchase cycle time', 'days', 'procurement', false, 'mean'),
    ('leads', 'New opportunities', 'opportunities', 'customers', true, 'flow'),
    ('won_opportunities', 'Won opportunities', 'opportunities', 'customers', true, 'flow')
)

select * from final
