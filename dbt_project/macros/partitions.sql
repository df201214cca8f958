{#-
    How a table that lies in partitions is brought up to date: the model is computed whole, beside the table; of each partition the
    number of rows and the sum of their 64-bit hashes are compared; where they differ the partition's old rows go and the new ones
    come. So the table holds after every build what a full refresh would make (a change would have to keep a sum of hashes, once in
    2^64), whatever came late, changed or was deleted, and months in which nothing happened keep their files.
-#}

{#- Whether the table has the columns, constraints and partitions that the model would make; leaves an empty twin of it. -#}
{% macro keeps_its_form(relation, partitioned_by) %}
    {% if should_full_refresh() or partitions_of(relation) != partitioned_by | replace(' ', '') | lower %}
        {{ return(false) }}
    {% endif %}
    {% call statement('twin') -%}
        {{ empty_table('create or replace temporary table ' ~ twin_of(relation)) }}
    {%- endcall %}
    {% set statement %}
        select
            (select list((column_name, column_type, "null")) from (describe {{ relation }}))
            = (select list((column_name, column_type, "null")) from (describe {{ twin_of(relation) }})) as is_same
    {% endset %}
    {{ return(run_query(statement).columns[0].values()[0]) }}
{% endmacro %}


{#- What the lake says the table is partitioned by, without blanks; empty where it is not. -#}
{% macro partitions_of(relation) %}
    {% set metadata = '__ducklake_metadata_' ~ relation.database %}
    {% set statement %}
        select coalesce(string_agg(
            case when parts.transform = 'identity' then columns.column_name
                else parts.transform || '(' || columns.column_name || ')' end,
            ',' order by parts.partition_key_index
        ), '') as parts
        from {{ metadata }}.ducklake_schema as schemas
        inner join {{ metadata }}.ducklake_table as tables using (schema_id)
        inner join {{ metadata }}.ducklake_partition_info as infos using (table_id)
        inner join {{ metadata }}.ducklake_partition_column as parts using (partition_id, table_id)
        inner join {{ metadata }}.ducklake_column as columns using (table_id, column_id)
        where schemas.schema_name = '{{ relation.schema }}' and tables.table_name = '{{ relation.identifier }}'
            and schemas.end_snapshot is null and tables.end_snapshot is null
            and infos.end_snapshot is null and columns.end_snapshot is null
    {% endset %}
    {{ return(run_query(statement).columns[0].values()[0] | lower) }}
{% endmacro %}


{% macro replace_changed_partitions(relation, partitioned_by) %}
    {%- set twin, partition = twin_of(relation), 'hash(' ~ partitioned_by ~ ')' -%}
    {{ fill_table(twin) }}
    create or replace temporary table {{ twin }}__changed as
    select part
    from ({{ digests_of(twin, partition) }}) as fresh
    full join ({{ digests_of(relation, partition) }}) as known using (part)
    where (fresh.row_count, fresh.digest) is distinct from (known.row_count, known.digest);
    delete from {{ relation }} where {{ partition }} in (select part from {{ twin }}__changed);
    insert into {{ relation }} select * from {{ twin }} where {{ partition }} in (select part from {{ twin }}__changed);
    drop table {{ twin }}__changed;
    drop table {{ twin }};
{% endmacro %}


{% macro digests_of(relation, partition) %}
    select {{ partition }} as part, count(*) as row_count, sum(cast(hash(_row) as hugeint)) as digest
    from {{ relation }} as _row
    group by 1
{% endmacro %}


{% macro twin_of(relation) %}
    {{- return('temp.main.twin__' ~ relation.schema ~ '__' ~ relation.identifier) -}}
{% endmacro %}
