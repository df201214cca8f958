with source as (
    {{ landed(source('platform', 'check_results'), {
        'checked_at': 'timestamptz',
        'layer': 'text',
        'subject': 'text',
        'check_name': 'text',
        'passed': 'boolean',
        'severity': 'text',
        'blocking': 'boolean',
        'rows_checked': 'bigint',
        'rows_failed': 'bigint',
        'detail': 'text',
        'snapshot_id': 'bigint'
    }) }}
),

final as (
    select
        cast(checked_at as timestamptz) as checked_at,
        cast(layer as text) as layer,
        cast(subject as text) as subject,
        cast(check_name as text) as check_name,
        cast(passed as boolean) as is_passed,
        cast(severity as text) as severity,
        cast(blocking as boolean) as is_blocking,
        cast(rows_checked as bigint) as rows_checked,
        cast(rows_failed as bigint) as rows_failed,
        cast(detail as text) as detail,
        cast(snapshot_id as bigint) as snapshot_id
    from source
)

select * from final
