{#-
    A view is only replaced if its statement has changed: most runs change none, and every replacement is a commit to the lake's
    catalog. DuckDB itself says what a statement reads like once parsed, by way of a temporary view that costs nothing.
-#}
{% materialization view, adapter='duckdb' %}

    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set twin = 'twin__' ~ this.identifier -%}
    {%- if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if existing_relation is not none and not existing_relation.is_view %}
        {% do adapter.drop_relation(existing_relation) %}
    {% endif %}

    {% call statement('main') -%}
        create or replace temporary view {{ twin }} as (
            {{ sql }}
        );
    {%- endcall %}
    {% if not (existing_relation is not none and existing_relation.is_view and is_same_view(target_relation, twin)) %}
        {% call statement('replace') -%}
            create or replace view {{ target_relation }} as (
                {{ sql }}
            );
        {%- endcall %}
        {% do persist_docs(target_relation, model) %}
    {% endif %}
    {% call statement('forget_twin') -%}
        drop view temp.main.{{ twin }};
    {%- endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}


{% macro is_same_view(relation, twin) %}
    {% set statements %}
        select count(distinct regexp_replace(sql, '^create .*? as ', '', 'i')) as statements
        from duckdb_views()
        where (database_name = 'temp' and view_name = '{{ twin }}')
            or (
                database_name = '{{ relation.database }}'
                and schema_name = '{{ relation.schema }}'
                and view_name = '{{ relation.identifier }}'
            )
    {% endset %}
    {{ return(run_query(statements).columns[0].values()[0] == 1) }}
{% endmacro %}
