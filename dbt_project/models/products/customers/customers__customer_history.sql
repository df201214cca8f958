with versions as (
    select * from {{ ref('snap_erp__parties') }}
    where party_kind = 'customer'
),

compared as (
    select
        *,
        row_number() over history as version_number,
        lag(segment) over history as previous_segment,
        lag(payment_term_days) over history as previous_payment_term_days,
        lag(credit_limit) over history as previous_credit_limit
    from versions
    window history as (partition by party_id order by valid_from)
),

final as (
    select
        version_id,
        party_id as customer_id,
        party_code as customer_code,
        version_number,
        valid_from,
        valid_to,
        valid_to is null as is_current,
        party_name as customer_name,
        country,
        city,
        segment,
        payment_term_days,
        credit_limit,
        version_number > 1 and segment is distinct from previous_segment as has_new_segment,
        version_number > 1
        and (
            payment_term_days is distinct from previous_payment_term_days or credit_limit is distinct from previous_credit_limit
        ) as has_new_terms
    from compared
)

select * from final
