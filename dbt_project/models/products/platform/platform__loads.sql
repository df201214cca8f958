{{ config(materialized='view') }}

with loads as (
    select * from {{ ref('stg_platform__loads') }}
),

final as (
    select
        load_id,
        connection,
        table_name,
        started_at,
        finished_at,
        {{ company_day('finished_at') }} as finished_on,
        {{ hours_between('lag(finished_at) over (partition by connection, table_name order by finished_at, load_id)', 'finished_at') }}
            as hours_since_previous,
        coalesce(rows_extracted, 0) as rows_extracted,
        coalesce(rows_landed, 0) as rows_landed,
        coalesce(rows_inserted, 0) as rows_inserted,
        coalesce(rows_updated, 0) as rows_updated,
        coalesce(rows_deleted, 0) as rows_deleted,
        coalesce(rows_quarantined, 0) as rows_quarantined,
        coalesce(bytes, 0) as bytes,
        coalesce(seconds, 0) as seconds,
        snapshot_id
    from loads
)

select * from final
