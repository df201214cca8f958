{% snapshot snap_erp__products %}

    select
        product_id,
        sku,
        product_name,
        category,
        unit_of_measure,
        list_price,
        cost_price,
        supplier_id,
        updated_at
    from {{ ref('stg_erp__products') }}

{% endsnapshot %}
