{{ document_log_event_objects('order_to_cash', ref('int_sales__order_documents')) }}
