with source as (
    {{ landed(source('optional-vulnerabilities', 'vulnerabilities'), {
        'cve_id': 'text',
        'vendor_project': 'text',
        'product': 'text',
        'vulnerability_name': 'text',
        'date_added': 'date',
        'due_date': 'date',
        'short_description': 'text',
        'required_action': 'text',
        'known_ransomware_campaign_use': 'text',
        'cwes': 'json'
    }) }}
),

final as (
    select
        cast(cve_id as text) as cve_id,
        cast(vendor_project as text) as vendor,
        cast(product as text) as product_name,
        cast(vulnerability_name as text) as vulnerability_name,
        cast(date_added as date) as added_on,
        cast(due_date as date) as due_on,
        cast(short_description as text) as description,
        cast(required_action as text) as required_action,
        cast(known_ransomware_campaign_use as text) as ransomware_use,
        cast(cwes as json) as weaknesses
    from source
)

select * from final
