{#- The day of a moment as the company's calendar has it; stored times are UTC. -#}
{% macro company_day(moment) -%}
    cast(timezone('{{ var("company_time_zone") }}', {{ moment }}) as date)
{%- endmacro %}
