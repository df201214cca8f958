with source as (
    {{ landed(source('optional-incidents', 'incident_changes'), {
        '_file': 'text',
        '_line': 'bigint',
        'number': 'text',
        'incident_state': 'text',
        'made_sla': 'boolean',
        'reassignment_count': 'bigint',
        'reopen_count': 'bigint',
        'sys_mod_count': 'bigint',
        'opened_at': 'timestamptz',
        'sys_updated_at': 'timestamptz',
        'sys_updated_by': 'text',
        'resolved_at': 'timestamptz',
        'closed_at': 'timestamptz',
        'caller_id': 'text',
        'contact_type': 'text',
        'location': 'text',
        'category': 'text',
        'subcategory': 'text',
        'impact': 'text',
        'urgency': 'text',
        'priority': 'text',
        'assignment_group': 'text',
        'assigned_to': 'text',
        'closed_code': 'text',
        'resolved_by': 'text'
    }) }}
),

final as (
    select
        cast(_file as text) as file_name,
        cast(_line as bigint) as line_number,
        cast(number as text) as incident_number,
        cast(incident_state as text) as incident_state,
        cast(made_sla as boolean) as is_within_sla,
        cast(reassignment_count as bigint) as reassignment_count,
        cast(reopen_count as bigint) as reopen_count,
        cast(sys_mod_count as bigint) as modification_count,
        cast(opened_at as timestamptz) as opened_at,
        cast(sys_updated_at as timestamptz) as changed_at,
        cast(sys_updated_by as text) as changed_by,
        cast(resolved_at as timestamptz) as resolved_at,
        cast(closed_at as timestamptz) as closed_at,
        cast(caller_id as text) as caller,
        cast(contact_type as text) as contact_type,
        cast(location as text) as location,
        cast(category as text) as category,
        cast(subcategory as text) as subcategory,
        cast(impact as text) as impact,
        cast(urgency as text) as urgency,
        cast(priority as text) as priority,
        cast(assignment_group as text) as assignment_group,
        cast(assigned_to as text) as assigned_to,
        cast(closed_code as text) as close_code,
        cast(resolved_by as text) as resolved_by
    from source
)

select * from final
