-- A partial payment is an event of the payment; that the invoice's paid amount follows is the same event noted twice.
with changes as (
    select * from {{ ref('stg_erp__change_log') }}
    where field is distinct from 'paid_amount'
),

documents as (
    select * from {{ ref('int_documents__documents') }}
),

employees as (
    select * from {{ ref('stg_erp__employees') }}
),

-- What a change is called by the people whose work it is. `detail` is the new state of a state change, the field of a write.
names (object_type, change_kind, detail, activity) as (
    values
    ('sales_order', 'create', '', 'Create Sales Order'),
    ('sales_order', 'state', 'quotation', 'Send Quotation'),
    ('sales_order', 'state', 'confirmed', 'Confirm Order'),
    ('sales_order', 'state', 'credit_hold', 'Credit Check Hold'),
    ('sales_order', 'state', 'credit_released', 'Release Credit'),
    ('sales_order', 'state', 'processing', 'Start Processing'),
    ('sales_order', 'state', 'done', 'Complete Order'),
    ('sales_order', 'state', 'cancelled', 'Cancel Order'),
    ('sales_order', 'write', 'unit_price', 'Change Price'),
    ('sales_order', 'write', 'quantity', 'Change Quantity'),
    ('sales_order', 'write', 'requested_date', 'Change Requested Date'),
    ('delivery', 'create', '', 'Create Delivery'),
    ('delivery', 'state', 'picked', 'Pick Goods'),
    ('delivery', 'state', 'packed', 'Pack Goods'),
    ('delivery', 'state', 'done', 'Ship Goods'),
    ('delivery', 'state', 'cancelled', 'Cancel Delivery'),
    ('customer_return', 'create', '', 'Announce Return'),
    ('customer_return', 'state', 'received', 'Receive Return'),
    ('customer_return', 'state', 'done', 'Restock Return'),
    ('customer_return', 'state', 'cancelled', 'Cancel Return'),
    ('customer_invoice', 'create', '', 'Create Invoice'),
    ('customer_invoice', 'state', 'posted', 'Post Invoice'),
    ('customer_invoice', 'state', 'paid', 'Clear Invoice'),
    ('customer_invoice', 'state', 'cancelled', 'Cancel Invoice'),
    ('customer_invoice', 'write', 'reminder', 'Send Payment Reminder'),
    ('credit_note', 'create', '', 'Create Credit Note'),
    ('credit_note', 'state', 'posted', 'Issue Credit Note'),
    ('credit_note', 'state', 'paid', 'Clear Credit Note'),
    ('credit_note', 'state', 'cancelled', 'Cancel Credit Note'),
    ('customer_payment', 'create', '', 'Receive Payment'),
    ('refund', 'create', '', 'Pay Refund'),
    ('requisition', 'create', '', 'Create Requisition'),
    ('requisition', 'state', 'submitted', 'Submit Requisition'),
    ('requisition', 'state', 'approved', 'Approve Requisition'),
    ('requisition', 'state', 'rejected', 'Reject Requisition'),
    ('requisition', 'state', 'converted', 'Convert Requisition'),
    ('requisition', 'state', 'cancelled', 'Cancel Requisition'),
    ('requisition', 'write', 'quantity', 'Change Requisition Quantity'),
    ('purchase_order', 'create', '', 'Create Purchase Order'),
    ('purchase_order', 'state', 'approved', 'Approve Purchase Order'),
    ('purchase_order', 'state', 'sent', 'Send Purchase Order'),
    ('purchase_order', 'state', 'confirmed', 'Confirm Purchase Order'),
    ('purchase_order', 'state', 'processing', 'Start Receiving'),
    ('purchase_order', 'state', 'done', 'Complete Purchase Order'),
    ('purchase_order', 'state', 'cancelled', 'Cancel Purchase Order'),
    ('purchase_order', 'write', 'unit_price', 'Change Price'),
    ('purchase_order', 'write', 'quantity', 'Change Quantity'),
    ('purchase_order', 'write', 'promised_date', 'Change Promised Date'),
    ('goods_receipt', 'create', '', 'Announce Goods'),
    ('goods_receipt', 'state', 'received', 'Receive Goods'),
    ('goods_receipt', 'state', 'done', 'Store Goods'),
    ('goods_receipt', 'state', 'cancelled', 'Cancel Goods Receipt'),
    ('supplier_invoice', 'create', '', 'Receive Invoice'),
    ('supplier_invoice', 'state', 'blocked', 'Block Invoice'),
    ('supplier_invoice', 'state', 'posted', 'Post Invoice'),
    ('supplier_invoice', 'state', 'paid', 'Clear Invoice'),
    ('supplier_invoice', 'state', 'cancelled', 'Cancel Invoice'),
    ('supplier_invoice', 'write', 'unit_price', 'Correct Invoice'),
    ('supplier_payment', 'create', '', 'Pay Invoice')
),

described as (
    select
        changes.*,
        documents.object_id,
        documents.object_type,
        documents.document_number,
        case changes.change_kind
            when 'create' then ''
            when 'state' then changes.new_value
            else changes.field
        end as detail
    from changes
    inner join documents using (document_type, document_id)
),

final as (
    select
        'erp:' || described.change_id as event_id,
        described.change_id as source_row,
        described.changed_at as occurred_at,
        case
            when described.object_type = 'supplier_invoice' and described.old_value = 'blocked' and described.new_value = 'posted'
                then 'Release Invoice'
            when names.activity is not null then names.activity
            when described.change_kind = 'create' then 'Create ' || {{ title_case('described.object_type') }}
            when described.change_kind = 'state'
                then 'Set ' || {{ title_case('described.object_type') }} || ' to ' || {{ title_case('described.new_value') }}
            else 'Change ' || {{ title_case('described.field') }}
        end as activity,
        described.document_type,
        described.document_id,
        described.object_id,
        described.object_type,
        described.document_number,
        described.change_kind,
        described.old_value,
        described.new_value,
        described.employee_id,
        employees.employee_name as resource,
        employees.team as resource_team
    from described
    left join names using (object_type, change_kind, detail)
    left join employees using (employee_id)
)

select * from final
