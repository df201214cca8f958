with source as (
    {{ landed(source('optional-intrusions', 'events'), {
        '_file': 'text',
        '_line': 'bigint',
        'timestamp': 'timestamptz',
        'event_type': 'text',
        'flow_id': 'bigint',
        'src_ip': 'text',
        'src_port': 'bigint',
        'dest_ip': 'text',
        'dest_port': 'bigint',
        'proto': 'text',
        'app_proto': 'text',
        'alert': 'json'
    }) }}
),

final as (
    select
        cast(_file as text) as file_name,
        cast(_line as bigint) as line_number,
        cast(timestamp as timestamptz) as occurred_at,
        cast(event_type as text) as event_type,
        cast(flow_id as bigint) as flow_id,
        cast(src_ip as text) as source_address,
        cast(src_port as bigint) as source_port,
        cast(dest_ip as text) as target_address,
        cast(dest_port as bigint) as target_port,
        cast(proto as text) as protocol,
        cast(app_proto as text) as application_protocol,
        cast(alert as json) as alert
    from source
)

select * from final
