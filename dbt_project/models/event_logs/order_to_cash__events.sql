{{ document_log_events('order_to_cash') }}
