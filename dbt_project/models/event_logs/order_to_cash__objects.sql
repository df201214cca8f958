{{ document_log_objects('order_to_cash') }}
