{#- Whether an address is one of those that are not routed on the internet: RFC 1918, RFC 4193, loopback and link-local ones. -#}
{% macro is_private_address(address) -%}
    regexp_matches(
        lower({{ address }}),
        '^(10\.|127\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:|::1$)'
    )
{%- endmacro %}
