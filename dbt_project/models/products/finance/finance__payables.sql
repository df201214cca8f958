{{ open_items('payable', 'supplier') }}
