{#- Exact time between two moments, in hours or days; null while either is missing. -#}
{% macro hours_between(earlier, later) -%}
    ((epoch_us({{ later }}) - epoch_us({{ earlier }})) / 3600000000.0)
{%- endmacro %}

{% macro days_between(earlier, later) -%}
    ((epoch_us({{ later }}) - epoch_us({{ earlier }})) / 86400000000.0)
{%- endmacro %}
