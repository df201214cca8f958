{{ order_documents('purchase_order', has_requisitions=true) }}
