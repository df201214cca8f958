{#-
    A table is replaced under its own name, in one transaction and so in one snapshot of the lake. (dbt-duckdb's own way builds
    under another name, renames twice and drops in a second transaction, and every commit costs a tenth of a second.)

    `partitioned_by`, such as 'year(occurred_at), month(occurred_at)', lays the rows into files by what it says, and of a table
    that is there only those partitions are written whose rows have changed: see macros/partitions.sql.
-#}
{% materialization table, adapter='duckdb', supported_languages=['sql'] %}

    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set partitioned_by = config.get('partitioned_by') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if existing_relation is not none and not existing_relation.is_table %}
        {% do adapter.drop_relation(existing_relation) %}
        {% set existing_relation = none %}
    {% endif %}

    {% if existing_relation is not none and partitioned_by and keeps_its_form(target_relation, partitioned_by) %}
        {% call statement('main') -%}
            {{ replace_changed_partitions(target_relation, partitioned_by) }}
        {%- endcall %}
    {% else %}
        {% call statement('main') -%}
            {{ new_table(target_relation, partitioned_by) }}
        {%- endcall %}
    {% endif %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target_relation, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}


{#- The statements that make the table anew and fill it. -#}
{% macro new_table(relation, partitioned_by) %}
    {% if config.get('contract').enforced or partitioned_by %}
        {{ empty_table('create or replace table ' ~ relation) }}
        {% if partitioned_by %}alter table {{ relation }} set partitioned by ({{ partitioned_by }});{% endif %}
        {{ fill_table(relation) }}
    {% else %}
        create or replace table {{ relation }} as (
            {{ model.compiled_code }}
        );
    {% endif %}
{% endmacro %}


{#- `create` and the columns of the model: those of its contract, or of its rows. -#}
{% macro empty_table(create) %}
    {% if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(model.compiled_code) }}
        {{ create }} {{ get_table_columns_and_constraints() }};
    {% else %}
        {{ create }} as (
            select * from ({{ model.compiled_code }}) limit 0
        );
    {% endif %}
{% endmacro %}


{#- The model's rows into a table that has its columns. -#}
{% macro fill_table(name) %}
    {% if config.get('contract').enforced %}
        insert into {{ name }} {{ get_column_names() }} (
            {{ get_select_subquery(model.compiled_code) }}
        );
    {% else %}
        insert into {{ name }} ({{ model.compiled_code }});
    {% endif %}
{% endmacro %}
