with events as (
    select * from {{ ref('stg_optional__intrusion_events') }}
    where event_type = 'alert'
),

said as (
    select
        *,
        cast(alert ->> 'signature' as text) as signature,
        try_cast(alert ->> 'signature_id' as bigint) as signature_id,
        cast(alert ->> 'category' as text) as category,
        try_cast(alert ->> 'severity' as integer) as severity,
        cast(alert ->> 'action' as text) as action,
        {{ is_private_address('source_address') }} as is_source_private,
        {{ is_private_address('target_address') }} as is_target_private
    from events
),

final as (
    select
        concat(file_name, ':', line_number) as alert_id,
        occurred_at,
        {{ company_day('occurred_at') }} as occurred_on,
        signature_id,
        signature,
        category,
        severity,
        case severity
            when 1 then 'high'
            when 2 then 'medium'
            when 3 then 'low'
            else 'informational'
        end as severity_name,
        action,
        coalesce(action = 'blocked', false) as is_blocked,
        source_address,
        source_port,
        target_address,
        target_port,
        case
            when source_address is null or target_address is null then 'unknown'
            when is_source_private and is_target_private then 'internal'
            when is_source_private then 'outbound'
            when is_target_private then 'inbound'
            else 'external'
        end as direction,
        protocol,
        application_protocol,
        flow_id
    from said
)

select * from final
