{#- Several columns together are a key: none of them null, no combination twice. -#}
{% test is_compound_key(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as occurrences
from {{ model }}
group by all
having count(*) > 1{% for column in columns %} or {{ column }} is null{% endfor %}

{% endtest %}
