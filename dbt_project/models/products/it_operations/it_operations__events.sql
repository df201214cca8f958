with messages as (
    select * from {{ ref('stg_optional__log_messages') }}
),

cloud as (
    select * from {{ ref('stg_optional__cloud_messages') }}
),

together as (
    select
        'syslog' as log,
        file_name,
        line_number,
        occurred_at,
        is_year_inferred,
        host,
        regexp_replace(program, '^.*/', '') as program,
        process_id,
        message,
        case priority % 8
            when 0 then 'emergency'
            when 1 then 'alert'
            when 2 then 'critical'
            when 3 then 'error'
            when 4 then 'warning'
            when 5 then 'notice'
            when 6 then 'info'
            when 7 then 'debug'
        end as stated
    from messages
    union all
    select
        'openstack',
        file_name,
        line_number,
        occurred_at,
        false,
        null,
        component,
        process_id,
        message,
        case upper(level)
            when 'TRACE' then 'debug'
            when 'AUDIT' then 'notice'
            when 'WARN' then 'warning'
            else lower(level)
        end
    from cloud
),

judged as (
    select
        *,
        coalesce(
            stated,
            case
                when regexp_matches(message, '(?i)\b(panic|emergency)\b') then 'emergency'
                when regexp_matches(message, '(?i)\b(critical|fatal|out of memory)\b') then 'critical'
                when regexp_matches(message, '(?i)\b(error|errors|failed|failure|cannot|could not|unable|denied|refused)\b')
                    then 'error'
                when regexp_matches(message, '(?i)\b(warning|warn|timeout|timed out|invalid|unknown|exited abnormally)\b')
                    then 'warning'
                else 'info'
            end
        ) as severity
    from together
),

final as (
    select
        concat(log, ':', file_name, ':', line_number) as event_id,
        log,
        occurred_at,
        {{ company_day('occurred_at') }} as occurred_on,
        is_year_inferred,
        host,
        program,
        process_id,
        severity,
        cast(
            list_position(['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'], severity) - 1 as integer
        ) as severity_rank,
        stated is null as is_severity_derived,
        message
    from judged
)

select * from final
