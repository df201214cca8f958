{#-
    The source still shows every column that the staging model reads. A landed table keeps a column that is gone, and fills it with
    nulls: what is made of it must not be published. Which columns are gone says the newest check of the table's last load.

    `columns` are the raw columns the model reads; without them those that its SQL casts, which is all that staging does.
-#}
{% test source_shows_its_columns(model, columns=none) %}

{%- if execute -%}
    {%- set node = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model')
        | selectattr('name', 'equalto', model.identifier) | first -%}
    {%- set table = graph.sources[node.depends_on.nodes | select('in', graph.sources) | first] -%}
    {%- set read = columns or modules.re.findall('cast\\((\\w+) as', node.raw_code) -%}
    {%- set journal = adapter.get_relation(model.database, 'platform', 'check_results') -%}
{%- endif -%}

{% if execute and journal is not none and read %}
with newest as (
    select passed, detail
    from {{ journal }}
    where check_name = 'columns are all there' and layer = '{{ table.schema }}' and subject = {{ dbt.string_literal(table.identifier) }}
    qualify row_number() over (order by checked_at desc) = 1
),

gone as (
    select unnest(string_split(replace(detail, 'the source no longer has ', ''), ', ')) as column_name
    from newest
    where not passed
)

select column_name
from gone
where column_name in ({% for name in read %}{{ dbt.string_literal(dbt.escape_single_quotes(name)) }}{{ ', ' if not loop.last }}{% endfor %})
{% else %}
select null as column_name where false
{% endif %}

{% endtest %}
