-- Indexes of both systems, made after the first load: building them row by row would take longer.

create index change_log_document on change_log (document_type, document_id);

create index accounts_cursor on crm.accounts (updated_at, id);
create index contacts_cursor on crm.contacts (updated_at, id);
create index opportunities_cursor on crm.opportunities (updated_at, id);
create index stage_history_cursor on crm.stage_history (updated_at, id);
create index activities_cursor on crm.activities (updated_at, id);
create index tickets_cursor on crm.tickets (updated_at, id);
