{#-
    Hours of work that had passed at a moment since the calendar began: whole working days before its day, and of a working day what
    lies between opening and closing. The difference of two such counts is the working time between two moments. `calendar` is an
    alias of shared__calendar, joined on the moment's day in the company's time zone.
-#}
{% macro working_hours_at(moment, calendar) -%}
{%- set opens, closes = var('company_opens'), var('company_closes') -%}
{%- set local = "timezone('" ~ var('company_time_zone') ~ "', " ~ moment ~ ")" -%}
    ({{ calendar }}.working_days_before * {{ closes - opens }}
    + case
        when {{ calendar }}.is_working_day
            then least(greatest(epoch(cast({{ local }} as time)) / 3600.0, {{ opens }}), {{ closes }}) - {{ opens }}
        else 0
    end)
{%- endmacro %}
