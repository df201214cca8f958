-- The raw layer as the connectors land it: the ERP's and the CRM's columns, and when and by which load a row came.

create schema if not exists raw_erp;

create table raw_erp.employees (
    id bigint,
    name text,
    email text,
    team text,
    role text,
    active boolean,
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.parties (
    id bigint,
    code text,
    name text,
    kind text,
    country text,
    city text,
    segment text,
    email text,
    payment_term_days integer,
    credit_limit decimal(14, 2),
    crm_account_id text,
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.products (
    id bigint,
    sku text,
    name text,
    category text,
    uom text,
    list_price decimal(14, 2),
    cost_price decimal(14, 2),
    supplier_id bigint,
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.sale_orders (
    id bigint,
    number text,
    party_id bigint,
    crm_opportunity_id text,
    salesperson_id bigint,
    order_date date,
    requested_date date,
    currency text,
    state text,
    total_amount decimal(14, 2),
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.sale_order_lines (
    id bigint,
    order_id bigint,
    line_no integer,
    product_id bigint,
    quantity decimal(12, 2),
    unit_price decimal(14, 2),
    discount_pct decimal(5, 2),
    amount decimal(14, 2),
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.requisitions (
    id bigint,
    number text,
    requester_id bigint,
    product_id bigint,
    quantity decimal(12, 2),
    estimated_amount decimal(14, 2),
    needed_by date,
    state text,
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.purchase_orders (
    id bigint,
    number text,
    party_id bigint,
    buyer_id bigint,
    order_date date,
    promised_date date,
    currency text,
    state text,
    total_amount decimal(14, 2),
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.purchase_order_lines (
    id bigint,
    order_id bigint,
    line_no integer,
    product_id bigint,
    requisition_id bigint,
    quantity decimal(12, 2),
    unit_price decimal(14, 2),
    amount decimal(14, 2),
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.shipments (
    id bigint,
    number text,
    kind text,
    party_id bigint,
    planned_date date,
    effective_at timestamptz,
    state text,
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.stock_moves (
    id bigint,
    shipment_id bigint,
    product_id bigint,
    sale_order_line_id bigint,
    purchase_order_line_id bigint,
    quantity decimal(12, 2),
    state text,
    effective_at timestamptz,
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.invoices (
    id bigint,
    number text,
    kind text,
    party_id bigint,
    invoice_date date,
    due_date date,
    currency text,
    state text,
    total_amount decimal(14, 2),
    paid_amount decimal(14, 2),
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.invoice_lines (
    id bigint,
    invoice_id bigint,
    product_id bigint,
    sale_order_line_id bigint,
    purchase_order_line_id bigint,
    quantity decimal(12, 2),
    unit_price decimal(14, 2),
    amount decimal(14, 2),
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.payments (
    id bigint,
    number text,
    invoice_id bigint,
    party_id bigint,
    direction text,
    method text,
    currency text,
    amount decimal(14, 2),
    paid_at timestamptz,
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_erp.change_log (
    id bigint,
    changed_at timestamptz,
    user_id bigint,
    document_type text,
    document_id bigint,
    event text,
    field text,
    old_value text,
    new_value text,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create schema if not exists raw_crm;

create table raw_crm.accounts (
    id text,
    name text,
    industry text,
    country text,
    website text,
    owner text,
    erp_party_code text,
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_crm.contacts (
    id text,
    account_id text,
    first_name text,
    last_name text,
    email text,
    phone text,
    title text,
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_crm.opportunities (
    id text,
    account_id text,
    contact_id text,
    name text,
    owner text,
    team text,
    source text,
    stage text,
    amount decimal(14, 2),
    currency text,
    probability double,
    expected_close date,
    closed_at timestamptz,
    lost_reason text,
    created_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_crm.stage_history (
    id text,
    opportunity_id text,
    from_stage text,
    to_stage text,
    changed_by text,
    changed_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_crm.activities (
    id text,
    opportunity_id text,
    kind text,
    subject text,
    performed_by text,
    performed_at timestamptz,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);

create table raw_crm.tickets (
    id text,
    account_id text,
    opportunity_id text,
    subject text,
    priority text,
    status text,
    opened_at timestamptz,
    first_response_at timestamptz,
    solved_at timestamptz,
    assignee text,
    satisfaction double,
    updated_at timestamptz,
    _loaded_at timestamptz,
    _load_id text
);
