{%- set logs = {'order_to_cash': 'sales_order', 'purchase_to_pay': 'purchase_order', 'lead_to_cash': 'opportunity'} -%}
with
{% for log in logs %}
{{ log }}_copies as (
    select event_id, count(*) as copies
    from {{ ref(log) }}
    group by event_id
),

{{ log }}_events as (
    select count(*) as events from {{ ref(log ~ '__events') }}
),
{% endfor %}
final as (
    {% for log, object_type in logs.items() %}
    select
        '{{ log }}' as process,
        '{{ object_type }}' as case_notion,
        any_value({{ log }}_events.events) as events,
        any_value({{ log }}_events.events) - count({{ log }}_copies.event_id) as events_in_no_case,
        coalesce(cast(sum({{ log }}_copies.copies) as bigint), 0) as case_events,
        count(*) filter (where {{ log }}_copies.copies > 1) as duplicated_events,
        coalesce(cast(sum({{ log }}_copies.copies - 1) as bigint), 0) as extra_copies
    from {{ log }}_events
    left join {{ log }}_copies on true
    {%- if not loop.last %}
    union all
    {%- endif %}
    {% endfor %}
)

select * from final
