{{ document_log_events('purchase_to_pay') }}
