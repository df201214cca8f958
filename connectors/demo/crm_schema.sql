-- The demo company's CRM, as its server keeps it. Only the server reads these tables; everyone else asks it by HTTP.
-- Plus the company itself: which simulation it is, how far it has come, and its manifest of planted truths.

create schema crm;
create schema demo;

create table crm.accounts (
    id text primary key,
    name text not null,
    industry text not null,
    country text not null,
    website text not null,
    owner text not null,             -- the e-mail address of an employee
    erp_party_code text,             -- parties.code in the ERP; null: not a customer yet
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table crm.contacts (
    id text primary key,
    account_id text not null references crm.accounts,
    first_name text not null,
    last_name text not null,
    email text not null,
    phone text not null,
    title text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table crm.opportunities (
    id text primary key,
    account_id text not null references crm.accounts,
    contact_id text not null references crm.contacts,
    name text not null,
    owner text not null,
    team text not null,
    source text not null,
    stage text not null check (stage in ('New', 'Qualified', 'Proposal', 'Negotiation', 'Won', 'Lost')),
    amount numeric(14, 2) not null,
    currency text not null,
    probability integer not null,    -- per cent
    expected_close date not null,
    closed_at timestamptz,
    lost_reason text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table crm.stage_history (
    id text primary key,
    opportunity_id text not null references crm.opportunities,
    from_stage text,                 -- null: the opportunity was created
    to_stage text not null,
    changed_by text not null,
    changed_at timestamptz not null,
    updated_at timestamptz not null
);

create table crm.activities (
    id text primary key,
    opportunity_id text not null references crm.opportunities,
    kind text not null check (kind in ('call', 'email', 'meeting', 'demo')),
    subject text not null,
    performed_by text not null,
    performed_at timestamptz not null,
    updated_at timestamptz not null
);

create table crm.tickets (
    id text primary key,
    account_id text not null references crm.accounts,
    opportunity_id text references crm.opportunities,
    subject text not null,
    priority text not null check (priority in ('low', 'normal', 'high', 'urgent')),
    status text not null check (status in ('open', 'pending', 'solved', 'closed')),
    opened_at timestamptz not null,
    first_response_at timestamptz,
    solved_at timestamptz,
    assignee text not null,
    satisfaction integer,            -- 1 to 5
    updated_at timestamptz not null
);

create table demo.company (
    seed bigint not null,
    scale double precision not null,
    now timestamptz not null,        -- everything before this moment has happened
    fingerprint text not null,       -- of all rows at that moment: a later simulation must pass through the same state
    manifest jsonb not null
);
