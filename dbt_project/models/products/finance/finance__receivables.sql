{{ open_items('receivable', 'customer') }}
