{{ config(materialized='view') }}

with files as (
    select * from {{ ref('stg_platform__data_files') }}
),

final as (
    select
        table_schema,
        table_name,
        count(*) filter (where is_current) as files,
        cast(coalesce(sum(row_count) filter (where is_current), 0) as bigint) as rows_in_files,
        cast(coalesce(sum(bytes) filter (where is_current), 0) as bigint) as bytes,
        count(*) filter (where not is_current) as old_files,
        cast(coalesce(sum(bytes) filter (where not is_current), 0) as bigint) as old_bytes
    from files
    group by table_schema, table_name
)

select * from final
