{{ document_log_objects('purchase_to_pay') }}
