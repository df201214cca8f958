{{ order_documents('sale_order') }}
