{#-
    The rows of a landed table that the source still has, and besides the table's columns every needed one: a source may not have
    shown a column yet, nor a row. `needed` maps names to types ('' where none is known). The columns are written out, so that the
    statement, and with it the view, changes when the table has gained one. A table that is not there yields no rows.
-#}
{% macro landed(table, needed) -%}
    {%- if not execute -%}
        select * from {{ table }}
    {%- else -%}
        {%- set there = landed_columns(table) -%}
        {%- set known = there | map('lower') | list -%}
        {%- set columns = [] -%}
        {%- for name in there if name not in ('_loaded_at', '_load_id', '_deleted_at') -%}
            {%- do columns.append(adapter.quote(name)) -%}
        {%- endfor -%}
        {%- for name, type in needed.items() if name | lower not in known -%}
            {%- do columns.append(('cast(null as ' ~ type ~ ')' if type else 'null') ~ ' as ' ~ adapter.quote(name)) -%}
        {%- endfor -%}
        select {{ columns | join(', ') or 'null as nothing' }}
        {%- if there %} from {{ table }}{% if '_deleted_at' in known %} where _deleted_at is null{% endif %}{% else %} where false{% endif %}
    {%- endif -%}
{%- endmacro %}

{#- The columns of a table in the lake; none if it is not there. -#}
{% macro landed_columns(table) -%}
    {%- set names = [] -%}
    {%- if adapter.get_relation(table.database, table.schema, table.identifier) is not none -%}
        {%- for row in run_query('describe ' ~ table) -%}
            {%- do names.append(row[0]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names) }}
{%- endmacro %}

{#- The rows of any table of the lake, made by dbt or not; see `landed`. -#}
{% macro lake_table(schema, name, needed) -%}
    {{ landed(api.Relation.create(database=target.database, schema=schema, identifier=name), needed) }}
{%- endmacro %}
