-- The demo company's ERP database: what a mid-size trading company's ERP holds, documents and their change log.
-- Every table has a surrogate key and `updated_at` (the cursor of incremental extraction, never null, set on every change).
-- Times are UTC. Money is in the document's currency. A document's life is in `change_log`, as ERPs keep it.

create table employees (
    id bigint primary key,
    name text not null,
    email text not null,
    team text not null,              -- 'Sales North', 'Sales South', 'Credit', 'Warehouse', 'Purchasing', 'Accounts Receivable', …
    role text not null,
    active boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table parties (
    id bigint primary key,
    code text not null unique,
    name text not null,
    kind text not null check (kind in ('customer', 'supplier')),
    country text not null,           -- ISO 3166 alpha-2
    city text not null,
    segment text not null,           -- customers: 'enterprise', 'mid-market', 'small'; suppliers: 'strategic', 'standard'
    email text,
    payment_term_days integer not null,
    credit_limit numeric(14, 2),
    crm_account_id text,             -- the CRM's account of a customer
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table products (
    id bigint primary key,
    sku text not null unique,
    name text not null,
    category text not null,
    uom text not null,
    list_price numeric(14, 2) not null,
    cost_price numeric(14, 2) not null,
    supplier_id bigint not null references parties,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table sale_orders (
    id bigint primary key,
    number text not null unique,     -- SO000123
    party_id bigint not null references parties,
    crm_opportunity_id text,         -- the CRM opportunity it was won from
    salesperson_id bigint not null references employees,
    order_date date not null,
    requested_date date not null,
    currency text not null,          -- 'EUR'
    state text not null check (state in ('draft', 'quotation', 'confirmed', 'credit_hold', 'credit_released', 'processing', 'done', 'cancelled')),
    total_amount numeric(14, 2) not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table sale_order_lines (
    id bigint primary key,
    order_id bigint not null references sale_orders,
    line_no integer not null,
    product_id bigint not null references products,
    quantity numeric(12, 2) not null,
    unit_price numeric(14, 2) not null,
    discount_pct numeric(5, 2) not null,
    amount numeric(14, 2) not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table requisitions (
    id bigint primary key,
    number text not null unique,     -- RQ000123
    requester_id bigint not null references employees,
    product_id bigint not null references products,
    quantity numeric(12, 2) not null,
    estimated_amount numeric(14, 2) not null,
    needed_by date not null,
    state text not null check (state in ('draft', 'submitted', 'approved', 'rejected', 'converted', 'cancelled')),
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table purchase_orders (
    id bigint primary key,
    number text not null unique,     -- PO000123
    party_id bigint not null references parties,
    buyer_id bigint not null references employees,
    order_date date not null,
    promised_date date not null,
    currency text not null,
    state text not null check (state in ('draft', 'approved', 'sent', 'confirmed', 'processing', 'done', 'cancelled')),
    total_amount numeric(14, 2) not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table purchase_order_lines (
    id bigint primary key,
    order_id bigint not null references purchase_orders,
    line_no integer not null,
    product_id bigint not null references products,
    requisition_id bigint references requisitions,   -- null: bought without a requisition (maverick buying)
    quantity numeric(12, 2) not null,
    unit_price numeric(14, 2) not null,
    amount numeric(14, 2) not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table shipments (
    id bigint primary key,
    number text not null unique,     -- outgoing DN…, incoming GR…, customer return RT…
    kind text not null check (kind in ('outgoing', 'incoming', 'customer_return')),
    party_id bigint not null references parties,
    planned_date date not null,
    effective_at timestamptz,        -- when the goods left or came; null until then
    state text not null check (state in ('waiting', 'picked', 'packed', 'received', 'done', 'cancelled')),
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table stock_moves (
    id bigint primary key,
    shipment_id bigint not null references shipments,
    product_id bigint not null references products,
    sale_order_line_id bigint references sale_order_lines,
    purchase_order_line_id bigint references purchase_order_lines,
    quantity numeric(12, 2) not null,
    state text not null check (state in ('draft', 'done', 'cancelled')),
    effective_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table invoices (
    id bigint primary key,
    number text not null unique,     -- customer IN…, supplier SI…, credit note CN…
    kind text not null check (kind in ('customer', 'supplier', 'customer_credit_note')),
    party_id bigint not null references parties,
    invoice_date date not null,
    due_date date not null,
    currency text not null,
    state text not null check (state in ('draft', 'blocked', 'posted', 'paid', 'cancelled')),   -- blocked: supplier invoice that does not match
    total_amount numeric(14, 2) not null,
    paid_amount numeric(14, 2) not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table invoice_lines (
    id bigint primary key,
    invoice_id bigint not null references invoices,
    product_id bigint not null references products,
    sale_order_line_id bigint references sale_order_lines,
    purchase_order_line_id bigint references purchase_order_lines,
    quantity numeric(12, 2) not null,
    unit_price numeric(14, 2) not null,
    amount numeric(14, 2) not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table payments (
    id bigint primary key,
    number text not null unique,     -- PY000123
    invoice_id bigint not null references invoices,
    party_id bigint not null references parties,
    direction text not null check (direction in ('in', 'out')),
    method text not null,
    currency text not null,
    amount numeric(14, 2) not null,
    paid_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- What happened to which document, when and by whom. Creations stand here too.
create table change_log (
    id bigint primary key,           -- in the order of happening; ties in time are told apart by it
    changed_at timestamptz not null,
    user_id bigint references employees,             -- null: the system itself (automatic step)
    document_type text not null check (document_type in
        ('sale_order', 'requisition', 'purchase_order', 'shipment', 'invoice', 'payment')),
    document_id bigint not null,
    event text not null check (event in ('create', 'state', 'write')),
    field text,                      -- event 'state': 'state'; event 'write': 'quantity', 'unit_price', 'requested_date', 'reminder', …
    old_value text,
    new_value text,
    updated_at timestamptz not null
);
