{#-
    What an expression says holds in every row; where it cannot be told, because a value is missing, the row is let be. The rows are
    called `everything` in it.
-#}
{% test holds(model, expression, column_name=none) %}

with everything as (
    select * from {{ model }}
)

select *
from everything
where not ({{ expression }})

{% endtest %}
