"""Odoo's tables, of the shape its source code documents, in a real PostgreSQL: what is read and which events it tells of."""

import re
from pathlib import Path

import psycopg
import pytest
import yaml

import lake
from connectors.connection import Connection
from connectors.connections import get_connection
from connectors.dbt_files import check_declarations
from connectors.load import load_source
from connectors.packages import shown_columns
from lake.addresses import libpq_dsn
from lake.database import DEMO_ERP, database_url

OWN = "id serial primary key, create_uid integer, create_date timestamp, write_uid integer, write_date timestamp"
TABLES = {
    "res_users": "login varchar, password varchar, partner_id integer, active boolean",
    "res_partner": "name varchar, is_company boolean, email varchar, parent_id integer, active boolean",
    "product_product": "default_code varchar, product_tmpl_id integer, active boolean",
    "ir_model_fields": "model varchar, name varchar, field_description jsonb",
    "crm_stage": "name jsonb, sequence integer, is_won boolean",
    "crm_lead": "name varchar, partner_id integer, stage_id integer, type varchar, active boolean, probability double precision,"
    " expected_revenue numeric, date_open timestamp, date_conversion timestamp, date_closed timestamp, user_id integer",
    "sale_order": "name varchar, partner_id integer, state varchar, date_order timestamp, amount_total numeric, user_id integer,"
    " opportunity_id integer, access_token varchar",
    "sale_order_line": "order_id integer, product_id integer, name text, product_uom_qty numeric, price_unit numeric",
    "purchase_order": "name varchar, partner_id integer, state varchar, date_order timestamp, date_approve timestamp,"
    " amount_total numeric, user_id integer",
    "purchase_order_line": "order_id integer, product_id integer, product_qty numeric, price_unit numeric",
    "stock_picking": "name varchar, state varchar, partner_id integer, date_done timestamp, scheduled_date timestamp",
    "stock_move": "picking_id integer, product_id integer, state varchar, sale_line_id integer,"
    " purchase_line_id integer, quantity numeric",
    "account_move": "name varchar, state varchar, move_type varchar, partner_id integer, invoice_date date, amount_total numeric,"
    " payment_state varchar",
    "account_move_line": "move_id integer, account_id integer, debit numeric, credit numeric, purchase_line_id integer",
    "account_partial_reconcile": "debit_move_id integer, credit_move_id integer, amount numeric, max_date date",
    "mail_message": "model varchar, res_id integer, date timestamp, author_id integer, message_type varchar,"
    " subtype_id integer, body text",
}  # fmt: skip
SINCE = "create_uid, create_date, write_uid, write_date"
AT = "1, '2024-03-01 08:00', 1, '2024-03-01 08:00'"
ROWS = f"""
insert into res_partner (id, name, {SINCE}) values (1, 'Ada Seller', {AT}), (2, 'Customer', {AT}), (3, 'Vendor', {AT});
insert into res_users (id, login, password, partner_id, {SINCE}) values (1, 'ada', 'pbkdf2-planted', 1, {AT});
insert into ir_model_fields (id, model, name) values (7, 'sale.order', 'state'), (8, 'account.move', 'state'),
    (9, 'crm.lead', 'stage_id');
insert into crm_lead (id, name, partner_id, probability, expected_revenue, date_open, date_conversion, date_closed, {SINCE})
    values (1, 'Big deal', 2, 100, 100.10, '2024-03-02', '2024-03-03', '2024-03-09', {AT});
insert into sale_order (id, name, partner_id, state, date_order, amount_total, user_id, opportunity_id, {SINCE})
    values (10, 'S00010', 2, 'sale', '2024-03-08 09:00', 100.10, 1, 1, {AT}),
    (11, 'S00011', 2, 'draft', '2024-03-08', 5, 1, null, {AT});
insert into sale_order_line (id, order_id, price_unit, {SINCE}) values (100, 10, 50.05, {AT}), (101, 10, 50.05, {AT});
insert into stock_picking (id, name, state, date_done, {SINCE}) values (5, 'OUT/5', 'done', '2024-03-10 12:00', {AT}),
    (6, 'IN/6', 'done', '2024-03-11 12:00', {AT});
insert into purchase_order (id, name, partner_id, state, date_order, date_approve, amount_total, user_id, {SINCE})
    values (20, 'P00020', 3, 'purchase', '2024-03-02', '2024-03-04 10:00', 70, 1, {AT});
insert into purchase_order_line (id, order_id, {SINCE}) values (200, 20, {AT});
insert into stock_move (id, picking_id, sale_line_id, purchase_line_id, {SINCE}) values (50, 5, 100, null, {AT}),
    (51, 5, 101, null, {AT}),
    (52, 6, null, 200, {AT});
insert into account_move (id, name, state, move_type, invoice_date, amount_total, {SINCE}) values
    (30, 'INV/30', 'posted', 'out_invoice', '2024-03-12', 100.10, {AT}),
    (40, 'BILL/40', 'posted', 'in_invoice', '2024-03-13', 70, {AT});
insert into account_move_line (id, move_id, debit, purchase_line_id, {SINCE}) values (300, 30, 0, null, {AT}),
    (301, 30, 100.10, null, {AT}),
    (400, 40, 70, 200, {AT}), (401, 40, 0, null, {AT}), (500, null, 0, null, {AT});
update account_move_line set move_id = 30 where id = 500;
insert into sale_order_line_invoice_rel (order_line_id, invoice_line_id) values (100, 300), (101, 300);
insert into account_partial_reconcile (id, debit_move_id, credit_move_id, amount, {SINCE}) values
    (1, 301, 999, 100.10, 1, '2024-03-20 08:00', 1, '2024-03-20 08:00'),
    (2, 999, 401, 70, 1, '2024-03-21 08:00', 1, '2024-03-21 08:00');
insert into mail_message (id, model, res_id, date, {SINCE}) values (1, 'sale.order', 10, '2024-03-05', {AT}),
    (2, 'account.move', 30, '2024-03-12 15:00', {AT}), (3, 'crm.lead', 1, '2024-03-06', {AT}),
    (4, 'discuss.channel', 1, '2024-03-06', {AT});
insert into mail_tracking_value (mail_message_id, FIELD, old_value_char, new_value_char, {SINCE}) values
    (1, 7, 'Quotation', 'Quotation Sent', {AT}), (2, 8, 'Draft', 'Posted', {AT}), (3, 9, 'New', 'Qualified', {AT});
"""


@pytest.fixture(params=["field", "field_id"])
def odoo(request: pytest.FixtureRequest, grimoire_home: Path) -> Connection:
    """Before and after the column of tracked fields was renamed."""
    url = database_url(DEMO_ERP)
    with psycopg.connect(libpq_dsn(url), autocommit=True) as database:
        for table, columns in TABLES.items():
            database.execute(f"create table {table} ({OWN}, {columns})")
        database.execute(
            f"create table mail_tracking_value ({OWN}, mail_message_id integer, {request.param} integer, old_value_integer integer,"
            " new_value_integer integer, old_value_char varchar, new_value_char varchar, old_value_text text, new_value_text text,"
            " old_value_datetime timestamp, new_value_datetime timestamp, old_value_float double precision,"
            " new_value_float double precision)"
        )
        database.execute(
            "create table sale_order_line_invoice_rel"
            " (invoice_line_id integer, order_line_id integer, primary key (invoice_line_id, order_line_id))"
        )
        database.execute(ROWS.replace("FIELD", request.param))
    folder = grimoire_home / "connections"
    folder.mkdir(parents=True)
    words = {"type": "odoo", "address": url.render_as_string(hide_password=False)}
    (folder / "odoo.yaml").write_text(yaml.safe_dump(words), encoding="utf-8")
    return get_connection("odoo")


def events(connection: Connection, log: str) -> list[tuple[str, str, list[str]]]:
    """What the declaration says happened: the rules, over the landed rows."""
    said = next(each for each in connection.event_logs if each.name == log)

    def sql(name: str) -> str:
        if name not in connection.views:
            return f"(from raw_odoo.{name} where _deleted_at is null)"
        return "(" + re.sub(r"\{(\w+)\}", lambda found: sql(found[1]), connection.views[name]) + ")"

    found = []
    with lake.connect(read_only=True) as database:
        for rule in said.events:
            activity = rule.activity.expression or f"'{rule.activity.name}'"
            (case,) = rule.objects[said.case]
            where = f" and ({rule.where})" if rule.where else ""
            statement = (
                f"select {activity}, strftime({rule.at}, '%m-%d %H'), {case.id} from {sql(rule.source)} where {rule.at} is not null"
            )
            found += database.execute(statement + where).fetchall()
    return sorted(
        ((activity, at, case if isinstance(case, list) else [case]) for activity, at, case in found), key=lambda one: one[1]
    )


def test_odoo_tells_its_three_processes(odoo: Connection):
    report = load_source("odoo")
    landed = {load.name: load.rows_landed for load in report.tables}
    assert landed["mail_message"] == 3  # what is said in channels stays there
    assert {name for name, count in landed.items() if not count} == {"product_product", "crm_stage"}
    assert all(check.passed for load in report.tables for check in load.checks), [
        (load.name, check.check_name, check.detail) for load in report.tables for check in load.checks if not check.passed
    ]
    check_declarations(odoo, shown_columns(odoo))
    assert events(odoo, "order_to_cash") == [
        ("Create quotation", "03-01 08", [10]), ("Create quotation", "03-01 08", [11]), ("Create invoice", "03-01 08", [10]),
        ("Send quotation", "03-05 00", [10]), ("Confirm order", "03-08 09", [10]), ("Deliver", "03-10 12", [10]),
        ("Post invoice", "03-12 15", [10]), ("Receive payment", "03-20 08", [10]),
    ]  # fmt: skip
    assert [event[:2] for event in events(odoo, "purchase_to_pay")] == [
        ("Create request for quotation", "03-01 08"), ("Enter bill", "03-01 08"), ("Approve order", "03-04 10"),
        ("Receive goods", "03-11 12"), ("Post bill", "03-13 00"), ("Pay bill", "03-21 08"),
    ]  # fmt: skip
    assert [event[0] for event in events(odoo, "lead_to_cash")] == [
        "Create lead", "Create quotation", "Assign", "Convert to opportunity", "Move to Qualified", "Confirm order", "Win",
    ]  # fmt: skip
    again = load_source("odoo")
    assert sum(load.rows_landed for load in again.tables) == 0
