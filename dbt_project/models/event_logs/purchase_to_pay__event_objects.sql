{{ document_log_event_objects('purchase_to_pay', ref('int_procurement__order_documents')) }}
