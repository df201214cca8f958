with source as (
    {{ landed(source('platform', 'run_steps'), {
        'run_id': 'text',
        'step': 'text',
        'status': 'text',
        'started_at': 'timestamptz',
        'finished_at': 'timestamptz',
        'attempts': 'bigint'
    }) }}
),

final as (
    select
        cast(run_id as text) as run_id,
        cast(step as text) as step,
        cast(status as text) as status,
        cast(started_at as timestamptz) as started_at,
        cast(finished_at as timestamptz) as finished_at,
        cast(attempts as bigint) as attempts
    from source
)

select * from final
