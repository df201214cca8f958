{{ config(materialized='view') }}

with vulnerabilities as (
    select * from {{ ref('stg_optional__vulnerabilities') }}
),

today as (
    select {{ company_day('now()') }} as day
),

final as (
    select
        vulnerabilities.cve_id,
        vulnerabilities.vendor,
        vulnerabilities.product_name,
        vulnerabilities.vulnerability_name,
        vulnerabilities.description,
        vulnerabilities.required_action,
        vulnerabilities.added_on,
        vulnerabilities.due_on,
        vulnerabilities.due_on - vulnerabilities.added_on as days_to_remedy,
        vulnerabilities.due_on - today.day as days_until_due,
        coalesce(vulnerabilities.due_on < today.day, false) as is_overdue,
        coalesce(vulnerabilities.ransomware_use = 'Known', false) as is_used_by_ransomware,
        coalesce(cast(json_array_length(vulnerabilities.weaknesses) as bigint), 0) as weakness_count
    from vulnerabilities
    cross join today
)

select * from final
