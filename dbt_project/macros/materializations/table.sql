{#-
    A table is replaced under its own name, in one transaction and so in one snapshot of the lake. (dbt-duckdb's own way builds
    under another name, renames twice and drops in a second transaction, and every commit costs a tenth of a second.)

    `partitioned_by` lays the rows into files by what it says; docs/operations.md tells when that pays.
-#}
{% materialization table, adapter='duckdb', supported_languages=['sql'] %}

    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set contract = config.get('contract') -%}
    {%- set partitioned_by = config.get('partitioned_by') -%} {#- such as 'year(occurred_at), month(occurred_at)' -#}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if existing_relation is not none and not existing_relation.is_table %}
        {% do adapter.drop_relation(existing_relation) %}
    {% endif %}

    {% call statement('main') -%}
        {% if contract.enforced %}
            {{ get_assert_columns_equivalent(compiled_code) }}
            create or replace table {{ target_relation }} {{ get_table_columns_and_constraints() }};
            {% if partitioned_by %}alter table {{ target_relation }} set partitioned by ({{ partitioned_by }});{% endif %}
            insert into {{ target_relation }} {{ get_column_names() }} (
                {{ get_select_subquery(compiled_code) }}
            );
        {% elif partitioned_by %}
            create or replace table {{ target_relation }} as (
                select * from ({{ compiled_code }}) limit 0
            );
            alter table {{ target_relation }} set partitioned by ({{ partitioned_by }});
            insert into {{ target_relation }} ({{ compiled_code }});
        {% else %}
            create or replace table {{ target_relation }} as (
                {{ compiled_code }}
            );
        {% endif %}
    {%- endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target_relation, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}
