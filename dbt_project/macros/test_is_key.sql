{#- A key is never null and never twice; both in one scan, because every test costs a round trip to the lake's catalog. -#}
{% test is_key(model, column_name) %}

select
    {{ column_name }} as key_value,
    count(*) as occurrences
from {{ model }}
group by {{ column_name }}
having count(*) > 1 or {{ column_name }} is null

{% endtest %}
