with files as (
    select * from {{ source('platform-catalog', 'data_files') }}
),

tables as (
    select * from {{ source('platform-catalog', 'tables') }}
),

schemas as (
    select * from {{ source('platform-catalog', 'schemas') }}
),

final as (
    select
        files.data_file_id as file_id,
        schemas.schema_name as table_schema,
        tables.table_name,
        cast(files.record_count as bigint) as row_count,
        cast(files.file_size_bytes as bigint) as bytes,
        files.end_snapshot is null and tables.end_snapshot is null as is_current
    from files
    inner join tables on files.table_id = tables.table_id
    inner join schemas on tables.schema_id = schemas.schema_id
)

select * from final
