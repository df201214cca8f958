{#- `requested_date` -> `Requested Date` -#}
{% macro title_case(expression) -%}
    array_to_string(
        list_transform(string_split({{ expression }}, '_'), lambda word: upper(left(word, 1)) || substring(word, 2)), ' '
    )
{%- endmacro %}
