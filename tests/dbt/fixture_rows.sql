-- Three weeks of a very small company, made so that every rule of the models has a row that it decides:
-- a customer, a sales order and a country called NA; two orders in one delivery and one invoice; a credit hold; a partial payment;
-- a return with credit note and refund; a cancelled order; an order without a requisition, paid before its goods came;
-- a blocked invoice; a rejected requisition; ties in time; a system step without a user.

insert into raw_erp.employees by name
select *, timestamptz '2024-01-01 00:00:00+00' as created_at, timestamptz '2024-01-01 00:00:00+00' as updated_at
from (values
    (1, 'Anna Berg', 'anna.berg@example.com', 'Sales North', 'salesperson', true),
    (2, 'Ben Roth', 'ben.roth@example.com', 'Sales South', 'salesperson', true),
    (3, 'Cara Hahn', 'cara.hahn@example.com', 'Credit', 'analyst', true),
    (4, 'Dirk Lang', 'dirk.lang@example.com', 'Warehouse', 'clerk', true),
    (5, 'Eva Kunz', 'eva.kunz@example.com', 'Accounts Receivable', 'clerk', true),
    (6, 'Finn Maas', 'finn.maas@example.com', 'Purchasing', 'buyer', true)
) as rows (id, name, email, team, role, active);

insert into raw_erp.parties by name
select *, timestamptz '2024-01-01 00:00:00+00' as created_at, timestamptz '2024-01-01 00:00:00+00' as updated_at
from (values
    (1, 'NA', 'Namib Trading', 'customer', 'NA', 'Windhoek', 'small', null, 30, 5000.00, 'ACC000001'),
    (2, 'C0002', 'Elbe Handel', 'customer', 'DE', 'Hamburg', 'enterprise', 'info@elbe.example', 14, null, null),
    (3, 'S0003', 'Donau Metall', 'supplier', 'AT', 'Linz', 'strategic', null, 30, null, null)
) as rows (id, code, name, kind, country, city, segment, email, payment_term_days, credit_limit, crm_account_id);

insert into raw_erp.products by name
select *, timestamptz '2024-01-01 00:00:00+00' as created_at, timestamptz '2024-01-01 00:00:00+00' as updated_at
from (values
    (1, 'A-1', 'Bolt', 'Fasteners', 'piece', 10.00, 6.00, 3),
    (2, 'A-2', 'Nut', 'Fasteners', 'piece', 4.00, 2.50, 3)
) as rows (id, sku, name, category, uom, list_price, cost_price, supplier_id);

insert into raw_erp.sale_orders by name
select *, created_at as updated_at from (values
    (1, 'NA', 1, 'OPP000001', 1, date '2024-01-02', date '2024-01-12', 'EUR', 'done', 190.00, timestamptz '2024-01-02 08:00:00+00'),
    (2, 'SO000002', 2, null, 2, date '2024-01-08', date '2024-01-10', 'EUR', 'processing', 40.00, timestamptz '2024-01-08 08:00:00+00'),
    (3, 'SO000003', 2, null, 2, date '2024-01-08', date '2024-01-19', 'EUR', 'done', 80.00, timestamptz '2024-01-08 09:00:00+00'),
    (4, 'SO000004', 2, null, 1, date '2024-01-15', date '2024-01-30', 'EUR', 'cancelled', 20.00, timestamptz '2024-01-14 23:30:00+00')
) as rows (id, number, party_id, crm_opportunity_id, salesperson_id, order_date, requested_date, currency, state, total_amount, created_at);

insert into raw_erp.sale_order_lines by name
select *, timestamptz '2024-01-02 08:00:00+00' as created_at, timestamptz '2024-01-02 08:00:00+00' as updated_at
from (values
    (1, 1, 1, 1, 20.00, 9.50, 0.00, 190.00),
    (2, 2, 1, 2, 10.00, 4.00, 0.00, 40.00),
    (3, 3, 1, 2, 20.00, 4.00, 0.00, 80.00),
    (4, 4, 1, 2, 5.00, 4.00, 0.00, 20.00)
) as rows (id, order_id, line_no, product_id, quantity, unit_price, discount_pct, amount);

insert into raw_erp.requisitions by name
select *, created_at as updated_at from (values
    (1, 'RQ000001', 6, 1, 100.00, 600.00, date '2024-01-20', 'converted', timestamptz '2024-01-03 07:00:00+00'),
    (2, 'RQ000002', 6, 2, 10.00, 25.00, date '2024-01-20', 'rejected', timestamptz '2024-01-03 08:00:00+00')
) as rows (id, number, requester_id, product_id, quantity, estimated_amount, needed_by, state, created_at);

insert into raw_erp.purchase_orders by name
select *, created_at as updated_at from (values
    (1, 'PO000001', 3, 6, date '2024-01-04', date '2024-01-12', 'EUR', 'done', 600.00, timestamptz '2024-01-04 09:00:00+00'),
    (2, 'PO000002', 3, 6, date '2024-01-08', date '2024-01-15', 'EUR', 'processing', 50.00, timestamptz '2024-01-08 10:00:00+00')
) as rows (id, number, party_id, buyer_id, order_date, promised_date, currency, state, total_amount, created_at);

insert into raw_erp.purchase_order_lines by name
select *, timestamptz '2024-01-04 09:00:00+00' as created_at, timestamptz '2024-01-04 09:00:00+00' as updated_at
from (values
    (1, 1, 1, 1, 1, 100.00, 6.00, 600.00),
    (2, 2, 1, 2, null, 20.00, 2.50, 50.00)
) as rows (id, order_id, line_no, product_id, requisition_id, quantity, unit_price, amount);

insert into raw_erp.shipments by name
select *, created_at as updated_at from (values
    (1, 'DN000001', 'outgoing', 1, date '2024-01-11', timestamptz '2024-01-11 14:00:00+00', 'done', timestamptz '2024-01-04 09:00:00+00'),
    (2, 'DN000002', 'outgoing', 2, date '2024-01-16', timestamptz '2024-01-16 14:00:00+00', 'done', timestamptz '2024-01-09 10:00:00+00'),
    (3, 'RT000001', 'customer_return', 2, date '2024-01-19', timestamptz '2024-01-19 09:00:00+00', 'done', timestamptz '2024-01-18 09:00:00+00'),
    (4, 'GR000001', 'incoming', 3, date '2024-01-12', timestamptz '2024-01-12 08:00:00+00', 'done', timestamptz '2024-01-05 09:00:00+00'),
    (5, 'GR000002', 'incoming', 3, date '2024-01-22', null, 'waiting', timestamptz '2024-01-09 12:00:00+00')
) as rows (id, number, kind, party_id, planned_date, effective_at, state, created_at);

insert into raw_erp.stock_moves by name
select *, timestamptz '2024-01-05 09:00:00+00' as created_at, timestamptz '2024-01-05 09:00:00+00' as updated_at
from (values
    (1, 1, 1, 1, null, 20.00, 'done', timestamptz '2024-01-11 14:00:00+00'),
    (2, 2, 2, 2, null, 10.00, 'done', timestamptz '2024-01-16 14:00:00+00'),
    (3, 2, 2, 3, null, 20.00, 'done', timestamptz '2024-01-16 14:00:00+00'),
    (4, 3, 2, 3, null, 5.00, 'done', timestamptz '2024-01-19 09:00:00+00'),
    (5, 4, 1, null, 1, 100.00, 'done', timestamptz '2024-01-12 08:00:00+00'),
    (6, 5, 2, null, 2, 20.00, 'draft', null)
) as rows (id, shipment_id, product_id, sale_order_line_id, purchase_order_line_id, quantity, state, effective_at);

insert into raw_erp.invoices by name
select *, created_at as updated_at from (values
    (1, 'IN000001', 'customer', 1, date '2024-01-12', date '2024-01-15', 'EUR', 'paid', 190.00, 190.00, timestamptz '2024-01-12 09:00:00+00'),
    (2, 'IN000002', 'customer', 2, date '2024-01-17', date '2024-01-31', 'EUR', 'posted', 120.00, 0.00, timestamptz '2024-01-17 09:00:00+00'),
    (3, 'CN000001', 'customer_credit_note', 2, date '2024-01-20', date '2024-01-20', 'EUR', 'paid', 20.00, 20.00, timestamptz '2024-01-20 09:00:00+00'),
    (4, 'SI000001', 'supplier', 3, date '2024-01-12', date '2024-01-26', 'EUR', 'paid', 600.00, 600.00, timestamptz '2024-01-13 09:00:00+00'),
    (5, 'SI000002', 'supplier', 3, date '2024-01-10', date '2024-01-10', 'EUR', 'paid', 50.00, 50.00, timestamptz '2024-01-10 09:00:00+00')
) as rows (id, number, kind, party_id, invoice_date, due_date, currency, state, total_amount, paid_amount, created_at);

insert into raw_erp.invoice_lines by name
select *, timestamptz '2024-01-12 09:00:00+00' as created_at, timestamptz '2024-01-12 09:00:00+00' as updated_at
from (values
    (1, 1, 1, 1, null, 20.00, 9.50, 190.00),
    (2, 2, 2, 2, null, 10.00, 4.00, 40.00),
    (3, 2, 2, 3, null, 20.00, 4.00, 80.00),
    (4, 3, 2, 3, null, 5.00, 4.00, 20.00),
    (5, 4, 1, null, 1, 100.00, 6.00, 600.00),
    (6, 5, 2, null, 2, 20.00, 2.50, 50.00)
) as rows (id, invoice_id, product_id, sale_order_line_id, purchase_order_line_id, quantity, unit_price, amount);

insert into raw_erp.payments by name
select *, 'bank transfer' as method, 'EUR' as currency, paid_at as created_at, paid_at as updated_at
from (values
    (1, 'PY000001', 1, 1, 'in', 90.00, timestamptz '2024-01-18 06:30:00+00'),
    (2, 'PY000002', 1, 1, 'in', 100.00, timestamptz '2024-01-19 06:30:00+00'),
    (3, 'PY000003', 3, 2, 'out', 20.00, timestamptz '2024-01-22 06:30:00+00'),
    (4, 'PY000004', 4, 3, 'out', 600.00, timestamptz '2024-01-19 06:31:00+00'),
    (5, 'PY000005', 5, 3, 'out', 50.00, timestamptz '2024-01-10 10:00:00+00')
) as rows (id, number, invoice_id, party_id, direction, amount, paid_at);

insert into raw_erp.change_log by name
select *, changed_at as updated_at
from (values
    (1, timestamptz '2024-01-02 08:00:00+00', 1, 'sale_order', 1, 'create', null, null, 'draft'),
    (2, timestamptz '2024-01-02 09:00:00+00', 1, 'sale_order', 1, 'state', 'state', 'draft', 'quotation'),
    (3, timestamptz '2024-01-02 10:00:00+00', 1, 'sale_order', 1, 'write', 'unit_price', '10.00', '9.50'),
    (4, timestamptz '2024-01-03 07:00:00+00', 6, 'requisition', 1, 'create', null, null, 'draft'),
    (5, timestamptz '2024-01-03 07:30:00+00', 6, 'requisition', 1, 'state', 'state', 'draft', 'submitted'),
    (6, timestamptz '2024-01-03 08:00:00+00', 1, 'sale_order', 1, 'state', 'state', 'quotation', 'confirmed'),
    (7, timestamptz '2024-01-03 08:00:00+00', 6, 'requisition', 2, 'create', null, null, 'draft'),
    (8, timestamptz '2024-01-03 08:30:00+00', null, 'sale_order', 1, 'state', 'state', 'confirmed', 'credit_hold'),
    (9, timestamptz '2024-01-03 09:00:00+00', 6, 'requisition', 2, 'state', 'state', 'draft', 'submitted'),
    (10, timestamptz '2024-01-03 13:30:00+00', 6, 'requisition', 1, 'state', 'state', 'submitted', 'approved'),
    (11, timestamptz '2024-01-03 14:00:00+00', 6, 'requisition', 2, 'state', 'state', 'submitted', 'rejected'),
    (12, timestamptz '2024-01-04 08:30:00+00', 3, 'sale_order', 1, 'state', 'state', 'credit_hold', 'credit_released'),
    (13, timestamptz '2024-01-04 09:00:00+00', 6, 'purchase_order', 1, 'create', null, null, 'draft'),
    (14, timestamptz '2024-01-04 09:00:00+00', 6, 'requisition', 1, 'state', 'state', 'approved', 'converted'),
    (15, timestamptz '2024-01-04 09:00:00+00', null, 'shipment', 1, 'create', null, null, 'waiting'),
    (16, timestamptz '2024-01-04 10:00:00+00', 6, 'purchase_order', 1, 'state', 'state', 'draft', 'approved'),
    (17, timestamptz '2024-01-04 11:00:00+00', 6, 'purchase_order', 1, 'state', 'state', 'approved', 'sent'),
    (18, timestamptz '2024-01-05 09:00:00+00', 6, 'purchase_order', 1, 'state', 'state', 'sent', 'confirmed'),
    (19, timestamptz '2024-01-05 09:00:00+00', null, 'shipment', 4, 'create', null, null, 'waiting'),
    (20, timestamptz '2024-01-08 08:00:00+00', 2, 'sale_order', 2, 'create', null, null, 'draft'),
    (21, timestamptz '2024-01-08 09:00:00+00', 2, 'sale_order', 3, 'create', null, null, 'draft'),
    (22, timestamptz '2024-01-08 10:00:00+00', 6, 'purchase_order', 2, 'create', null, null, 'draft'),
    (23, timestamptz '2024-01-08 11:00:00+00', 2, 'sale_order', 2, 'state', 'state', 'draft', 'confirmed'),
    (24, timestamptz '2024-01-08 11:00:00+00', 2, 'sale_order', 3, 'state', 'state', 'draft', 'confirmed'),
    (25, timestamptz '2024-01-08 12:00:00+00', 6, 'purchase_order', 2, 'state', 'state', 'draft', 'sent'),
    (26, timestamptz '2024-01-09 08:00:00+00', 2, 'sale_order', 3, 'write', 'requested_date', '2024-01-15', '2024-01-19'),
    (27, timestamptz '2024-01-09 10:00:00+00', null, 'shipment', 2, 'create', null, null, 'waiting'),
    (28, timestamptz '2024-01-09 12:00:00+00', null, 'shipment', 5, 'create', null, null, 'waiting'),
    (29, timestamptz '2024-01-10 09:00:00+00', 5, 'invoice', 5, 'create', null, null, 'draft'),
    (30, timestamptz '2024-01-10 09:30:00+00', 5, 'invoice', 5, 'state', 'state', 'draft', 'posted'),
    (31, timestamptz '2024-01-10 10:00:00+00', null, 'payment', 5, 'create', null, null, null),
    (32, timestamptz '2024-01-10 10:00:00+00', null, 'invoice', 5, 'state', 'state', 'posted', 'paid'),
    (33, timestamptz '2024-01-11 08:00:00+00', 4, 'shipment', 1, 'state', 'state', 'waiting', 'picked'),
    (34, timestamptz '2024-01-11 08:00:00+00', null, 'sale_order', 1, 'state', 'state', 'credit_released', 'processing'),
    (35, timestamptz '2024-01-11 09:00:00+00', 4, 'shipment', 1, 'state', 'state', 'picked', 'packed'),
    (36, timestamptz '2024-01-11 14:00:00+00', 4, 'shipment', 1, 'state', 'state', 'packed', 'done'),
    (37, timestamptz '2024-01-12 08:00:00+00', 4, 'shipment', 4, 'state', 'state', 'waiting', 'received'),
    (38, timestamptz '2024-01-12 09:00:00+00', 5, 'invoice', 1, 'create', null, null, 'draft'),
    (39, timestamptz '2024-01-12 09:30:00+00', 5, 'invoice', 1, 'state', 'state', 'draft', 'posted'),
    (40, timestamptz '2024-01-12 10:00:00+00', 4, 'shipment', 4, 'state', 'state', 'received', 'done'),
    (41, timestamptz '2024-01-13 09:00:00+00', 5, 'invoice', 4, 'create', null, null, 'draft'),
    (42, timestamptz '2024-01-13 10:00:00+00', 5, 'invoice', 4, 'state', 'state', 'draft', 'blocked'),
    (43, timestamptz '2024-01-14 23:30:00+00', 1, 'sale_order', 4, 'create', null, null, 'draft'),
    (44, timestamptz '2024-01-15 10:00:00+00', 6, 'invoice', 4, 'state', 'state', 'blocked', 'posted'),
    (45, timestamptz '2024-01-16 08:00:00+00', 4, 'shipment', 2, 'state', 'state', 'waiting', 'picked'),
    (46, timestamptz '2024-01-16 08:00:00+00', null, 'sale_order', 2, 'state', 'state', 'confirmed', 'processing'),
    (47, timestamptz '2024-01-16 08:00:00+00', null, 'sale_order', 3, 'state', 'state', 'confirmed', 'processing'),
    (48, timestamptz '2024-01-16 09:00:00+00', 1, 'sale_order', 4, 'state', 'state', 'draft', 'cancelled'),
    (49, timestamptz '2024-01-16 09:30:00+00', 4, 'shipment', 2, 'state', 'state', 'picked', 'packed'),
    (50, timestamptz '2024-01-16 14:00:00+00', 4, 'shipment', 2, 'state', 'state', 'packed', 'done'),
    (51, timestamptz '2024-01-17 08:00:00+00', 5, 'invoice', 1, 'write', 'reminder', '0', '1'),
    (52, timestamptz '2024-01-17 09:00:00+00', 5, 'invoice', 2, 'create', null, null, 'draft'),
    (53, timestamptz '2024-01-17 09:30:00+00', 5, 'invoice', 2, 'state', 'state', 'draft', 'posted'),
    (54, timestamptz '2024-01-17 09:30:00+00', null, 'sale_order', 3, 'state', 'state', 'processing', 'done'),
    (55, timestamptz '2024-01-18 06:30:00+00', null, 'payment', 1, 'create', null, null, null),
    (56, timestamptz '2024-01-18 06:30:00+00', null, 'invoice', 1, 'write', 'paid_amount', '0.00', '90.00'),
    (57, timestamptz '2024-01-18 09:00:00+00', 2, 'shipment', 3, 'create', null, null, 'waiting'),
    (58, timestamptz '2024-01-19 06:30:00+00', null, 'payment', 2, 'create', null, null, null),
    (59, timestamptz '2024-01-19 06:30:00+00', null, 'invoice', 1, 'state', 'state', 'posted', 'paid'),
    (60, timestamptz '2024-01-19 06:30:00+00', null, 'sale_order', 1, 'state', 'state', 'processing', 'done'),
    (61, timestamptz '2024-01-19 06:31:00+00', null, 'payment', 4, 'create', null, null, null),
    (62, timestamptz '2024-01-19 06:31:00+00', null, 'invoice', 4, 'state', 'state', 'posted', 'paid'),
    (63, timestamptz '2024-01-19 06:31:00+00', null, 'purchase_order', 1, 'state', 'state', 'confirmed', 'done'),
    (64, timestamptz '2024-01-19 09:00:00+00', 4, 'shipment', 3, 'state', 'state', 'waiting', 'received'),
    (65, timestamptz '2024-01-19 10:00:00+00', 4, 'shipment', 3, 'state', 'state', 'received', 'done'),
    (66, timestamptz '2024-01-20 09:00:00+00', 5, 'invoice', 3, 'create', null, null, 'draft'),
    (67, timestamptz '2024-01-20 09:30:00+00', 5, 'invoice', 3, 'state', 'state', 'draft', 'posted'),
    (68, timestamptz '2024-01-22 06:30:00+00', null, 'payment', 3, 'create', null, null, null),
    (69, timestamptz '2024-01-22 06:30:00+00', null, 'invoice', 3, 'state', 'state', 'posted', 'paid'),
    (70, timestamptz '2024-01-23 08:00:00+00', 2, 'sale_order', 2, 'write', 'delivery_note_text', null, 'ring twice')
) as rows (id, changed_at, user_id, document_type, document_id, event, field, old_value, new_value);

insert into raw_crm.accounts by name
select *, timestamptz '2024-01-01 00:00:00+00' as created_at, timestamptz '2024-01-01 00:00:00+00' as updated_at
from (values
    ('ACC000001', 'Namib Trading', 'Retail', 'NA', 'https://namib.example', 'anna.berg@example.com', 'NA'),
    ('ACC000002', 'Oder Werke', 'Industry', 'DE', 'https://oder.example', 'ben.roth@example.com', null)
) as rows (id, name, industry, country, website, owner, erp_party_code);

insert into raw_crm.contacts by name
select *, timestamptz '2024-01-01 00:00:00+00' as created_at, timestamptz '2024-01-01 00:00:00+00' as updated_at
from (values
    ('CON000001', 'ACC000001', 'Ndapewa', 'NA', 'n@namib.example', '+264 61 000', 'Buyer'),
    ('CON000002', 'ACC000002', 'Otto', 'Oder', 'o@oder.example', '+49 335 000', 'Buyer')
) as rows (id, account_id, first_name, last_name, email, phone, title);

insert into raw_crm.opportunities by name
select * from (values
    ('OPP000001', 'ACC000001', 'CON000001', 'Bolts', 'anna.berg@example.com', 'Sales North', 'web', 'Won', 190.00, 'EUR', 100,
        date '2024-01-10', timestamptz '2024-01-02 07:30:00+00', null, timestamptz '2024-01-01 08:00:00+00', timestamptz '2024-01-02 07:30:00+00'),
    ('OPP000002', 'ACC000002', 'CON000002', 'Nuts', 'ben.roth@example.com', 'Sales South', 'fair', 'Lost', 500.00, 'EUR', 0,
        date '2024-02-10', timestamptz '2024-01-15 08:00:00+00', 'price', timestamptz '2024-01-02 08:00:00+00', timestamptz '2024-01-15 08:00:00+00'),
    ('OPP000003', 'ACC000002', 'CON000002', 'More nuts', 'ben.roth@example.com', 'Sales South', 'web', 'New', 900.00, 'EUR', 10,
        date '2024-03-10', null, null, timestamptz '2024-01-16 08:00:00+00', timestamptz '2024-01-16 08:00:00+00')
) as rows (id, account_id, contact_id, name, owner, team, source, stage, amount, currency, probability, expected_close, closed_at,
    lost_reason, created_at, updated_at);

insert into raw_crm.stage_history by name
select *, changed_at as updated_at
from (values
    ('STH000001', 'OPP000001', null, 'New', 'anna.berg@example.com', timestamptz '2024-01-01 08:00:00+00'),
    ('STH000002', 'OPP000001', 'New', 'Won', 'anna.berg@example.com', timestamptz '2024-01-02 07:30:00+00'),
    ('STH000003', 'OPP000002', null, 'New', 'ben.roth@example.com', timestamptz '2024-01-02 08:00:00+00'),
    ('STH000004', 'OPP000002', 'New', 'Qualified', 'ben.roth@example.com', timestamptz '2024-01-04 08:00:00+00'),
    ('STH000005', 'OPP000002', 'Qualified', 'Lost', 'ben.roth@example.com', timestamptz '2024-01-15 08:00:00+00'),
    ('STH000006', 'OPP000003', null, 'New', 'ben.roth@example.com', timestamptz '2024-01-16 08:00:00+00')
) as rows (id, opportunity_id, from_stage, to_stage, changed_by, changed_at);

insert into raw_crm.activities by name
select *, performed_at as updated_at
from (values
    ('ACT000001', 'OPP000001', 'call', 'First call', 'anna.berg@example.com', timestamptz '2024-01-01 10:00:00+00'),
    ('ACT000002', 'OPP000002', 'demo', 'Shows nuts', 'someone.else@example.com', timestamptz '2024-01-04 08:00:00+00')
) as rows (id, opportunity_id, kind, subject, performed_by, performed_at);

insert into raw_crm.tickets by name
select *, opened_at as updated_at
from (values
    ('TIC000001', 'ACC000001', 'OPP000001', 'Bolt bent', 'high', 'closed', timestamptz '2024-01-12 08:00:00+00',
        timestamptz '2024-01-12 09:30:00+00', timestamptz '2024-01-13 08:00:00+00', 'eva.kunz@example.com', 4),
    ('TIC000002', 'ACC000002', null, 'Brochure', 'low', 'open', timestamptz '2024-01-16 08:00:00+00', null, null, 'eva.kunz@example.com', null)
) as rows (id, account_id, opportunity_id, subject, priority, status, opened_at, first_response_at, solved_at, assignee, satisfaction);
