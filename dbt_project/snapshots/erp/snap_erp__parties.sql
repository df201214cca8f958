{% snapshot snap_erp__parties %}

    select
        party_id,
        party_code,
        party_name,
        party_kind,
        country,
        city,
        segment,
        payment_term_days,
        credit_limit,
        updated_at
    from {{ ref('stg_erp__parties') }}

{% endsnapshot %}
