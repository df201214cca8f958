with source as (
    {{ landed(source('optional-logs', 'openstack'), {
        '_file': 'text',
        '_line': 'bigint',
        'logged_at': 'timestamptz',
        'pid': 'text',
        'level': 'text',
        'component': 'text',
        'request': 'text',
        'message': 'text'
    }) }}
),

final as (
    select
        cast(_file as text) as file_name,
        cast(_line as bigint) as line_number,
        cast(logged_at as timestamptz) as occurred_at,
        cast(pid as text) as process_id,
        cast(level as text) as level,
        cast(component as text) as component,
        cast(request as text) as request,
        cast(message as text) as message
    from source
)

select * from final
