with source as (
    {{ landed(source('platform', 'runs'), {
        'run_id': 'text',
        'job': 'text',
        'status': 'text',
        'origin': 'text',
        'started_at': 'timestamptz',
        'finished_at': 'timestamptz'
    }) }}
),

final as (
    select
        cast(run_id as text) as run_id,
        cast(job as text) as job,
        cast(status as text) as status,
        cast(origin as text) as origin,
        cast(started_at as timestamptz) as started_at,
        cast(finished_at as timestamptz) as finished_at
    from source
)

select * from final
