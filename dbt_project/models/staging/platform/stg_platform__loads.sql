with source as (
    {{ landed(source('platform', 'loads'), {
        'load_id': 'text',
        'source': 'text',
        'table_name': 'text',
        'rows_extracted': 'bigint',
        'rows_landed': 'bigint',
        'rows_inserted': 'bigint',
        'rows_updated': 'bigint',
        'rows_deleted': 'bigint',
        'rows_quarantined': 'bigint',
        'bytes': 'bigint',
        'seconds': 'double',
        'started_at': 'timestamptz',
        'finished_at': 'timestamptz',
        'snapshot_id': 'bigint'
    }) }}
),

final as (
    select
        cast(load_id as text) as load_id,
        cast(source as text) as connection,
        cast(table_name as text) as table_name,
        cast(rows_extracted as bigint) as rows_extracted,
        cast(rows_landed as bigint) as rows_landed,
        cast(rows_inserted as bigint) as rows_inserted,
        cast(rows_updated as bigint) as rows_updated,
        cast(rows_deleted as bigint) as rows_deleted,
        cast(rows_quarantined as bigint) as rows_quarantined,
        cast(bytes as bigint) as bytes,
        cast(seconds as double) as seconds,
        cast(started_at as timestamptz) as started_at,
        cast(finished_at as timestamptz) as finished_at,
        cast(snapshot_id as bigint) as snapshot_id
    from source
)

select * from final
