with source as (
    {{ landed(source('optional-logs', 'messages'), {
        '_file': 'text',
        '_line': 'bigint',
        'logged_at': 'timestamptz',
        'logged_at_year_is_inferred': 'boolean',
        'host': 'text',
        'program': 'text',
        'pid': 'text',
        'priority': 'bigint',
        'message': 'text'
    }) }}
),

final as (
    select
        cast(_file as text) as file_name,
        cast(_line as bigint) as line_number,
        cast(logged_at as timestamptz) as occurred_at,
        cast(logged_at_year_is_inferred as boolean) as is_year_inferred,
        cast(host as text) as host,
        cast(program as text) as program,
        cast(pid as text) as process_id,
        cast(priority as bigint) as priority,
        cast(message as text) as message
    from source
)

select * from final
